"""uvicorn's HTTP/1.1, with bounds on what a client may send before anybody looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from brightfield.api.wire.cycle import Cycle
from brightfield.api.wire.heads import head_without_offer, origin_form
from brightfield.api.wire.lingering import LingeringTransport
from brightfield.errors import BrightfieldError, Overloaded
from brightfield.refusals import HeadTooLarge, HeadTooSlow, MalformedRequest, TooManyConnections

MOST_BYTES_OF_A_HEAD = 64 * 2**10
MOST_REQUESTS_IN_LINE = 100
_REMEMBERED, _LONGEST_REMEMBERED = 256, 1024

# Asked in place of a request whose head can't be understood, so that its refusal is answered
# as all other requests are: in order, counted and logged.
_STAND_IN = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"


class Http1(HttpToolsProtocol):
    """uvicorn's protocol, which also bounds heads and waiting, and reports hang-ups.

    - `scope["hang_up_calls"]` is a set of functions that are called when the connection is lost,
      so nobody needs a task of their own to listen for it.
    - Offers of another protocol aren't taken (RFC 9110, 7.8: a server may ignore them). httptools
      takes what follows such a head for that protocol. So the head is finished by one parser, and
      begun again without the offer by a new one, which is also fed with what follows. Java's
      HttpClient offers h2c with every request.
    - A head has at most 64 KB and comes within `head_seconds`. One that is wrong, too large or too
      slow becomes a stand-in request whose `scope["refusal"]` says why; nothing more is read.
    - `scope["came_whole"]` is set once the last byte of the body is there.
    - `scope["broken"]` says what is wrong with a body that can't be read to its end.
    - Fields behind a chunked body (trailers) are dropped: merged, they would count as headers.
    - Of more connections than the config's `limit_concurrency`, the one that has been idle for the
      longest time is closed. If none is idle, the new one is refused.
    """

    head_seconds = 10.0
    linger_seconds = 5.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most_connections, self.limit_concurrency = self.limit_concurrency, None
        self._hang_up_calls: set[Callable[[], None]] = set()
        self._refusal: BrightfieldError | None = None
        self._over = self._in_head = self._in_body = False
        self._head_bytes = self._unfinished_bytes = 0
        self._patience: asyncio.TimerHandle | None = None
        self._idle_since = self.loop.time()

    # What uvicorn's server and the event loop call

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        lingering = LingeringTransport(transport, self.loop, self.linger_seconds)
        super().connection_made(cast("asyncio.Transport", lingering))
        self._lingering = lingering
        self._await_head()
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._await_no_head()
        self._lingering.close_at_once()
        for call in tuple(self._hang_up_calls):
            call()

    def data_received(self, data: bytes) -> None:
        if self._over or self._lingering.is_closing():
            return
        self._unset_keepalive_if_required()
        continued = self._in_head
        try:
            self._feed(memoryview(data))
            if continued and self._in_head:
                self._unfinished_bytes += len(data)
                self._check_size(self._unfinished_bytes)
        except httptools.HttpParserError:
            self._give_up(self._refusal or _malformed())
        if self._is_idle():
            self._await_head()

    def shutdown(self) -> None:
        if self._is_idle():
            self._lingering.unread = False
        super().shutdown()

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope = cast("dict[str, Any]", self.scope)
        scope["hang_up_calls"] = self._hang_up_calls
        if self._over:
            scope["refusal"] = self._refusal
        self._in_head = True
        self._head_bytes = self._unfinished_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._head_bytes += len(url)
        self._check_size(self._head_bytes)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))
            self._head_bytes += len(name) + len(value) + 4  # with a colon, a blank and a line end
            if self._head_bytes > MOST_BYTES_OF_A_HEAD:
                self._refuse(_too_large())

    def on_headers_complete(self) -> None:
        self._in_head = False
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT" or version not in ("1.0", "1.1"):
            self._refuse(_malformed())
        if self.parser.should_upgrade():
            return
        if len(self.pipeline) >= MOST_REQUESTS_IN_LINE and not self._over:
            self._refuse(_too_many_in_line())
        try:
            self.url = origin_form(self.url, method, self.headers)
        except ValueError:
            self._refuse(_malformed())
        self._describe(method, version)
        self._answer(version)
        self._await_no_head()
        self._in_body = self._lingering.unread = True

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()
            cast("dict[str, Any]", self.scope)["came_whole"] = True
            self._in_body = False
            self._lingering.unread = self._over

    # What uvicorn's cycles of request and response call

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._idle_since = self.loop.time()
        if not self._in_body or not self._is_idle():
            return
        if self.expect_100_continue:  # whether the body comes is now for the client to choose
            self.transport.close()
        else:
            self._await_head()

    # Our own

    def _describe(self, method: bytes, version: str) -> None:
        """Put what the head says into the scope of the request."""
        self.scope["method"] = method.decode("ascii")
        self.scope["http_version"] = version
        known = len(self.url) <= _LONGEST_REMEMBERED
        path, raw_path, query = (_remembered_parts if known else _parts)(self.url)
        self.scope["path"] = self.root_path + path
        self.scope["raw_path"] = self.root_path.encode("ascii") + raw_path
        self.scope["query_string"] = query

    def _answer(self, version: str) -> None:
        """Begin the answer, or let it wait for those of the requests before."""
        before = self.cycle
        self.cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _feed(self, data: memoryview) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = data[offer.args[0] :]
                method, version = self.parser.get_method(), self.parser.get_http_version()
                head = head_without_offer(method, self.url, version, self.headers)
                self._renew_parser()
                self.parser.feed_data(head)
            else:
                return

    def _renew_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _check_size(self, size: int) -> None:
        if size > MOST_BYTES_OF_A_HEAD:
            self._refuse(_too_large())

    def _refuse(self, fault: BrightfieldError) -> None:
        """End the parsing; what is raised through the parser leaves its cause behind."""
        self._refusal = fault
        raise httptools.HttpParserError(fault.detail)

    def _give_up(self, fault: BrightfieldError) -> None:
        """Read no more, and say why behind what is being answered."""
        self._over = self._lingering.unread = True
        if not self._in_body:
            self._refusal = fault
            self._renew_parser()
            self.parser.feed_data(_STAND_IN)
            self.scope["method"] = self.scope["path"] = "-"
        elif self.cycle.response_complete:
            self.transport.close()
        else:
            cast("dict[str, Any]", self.scope)["broken"] = fault.detail
            self.cycle.keep_alive = False
            self.cycle.message_event.set()

    def _is_idle(self) -> bool:
        """Whether nothing is being answered."""
        return self.cycle is None or (self.cycle.response_complete and not self.pipeline)

    def _await_head(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(self.head_seconds, self._lose_patience)

    def _await_no_head(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        if self._in_head and not self._over:
            self._give_up(_too_slow(self.head_seconds))
        elif self._is_idle():
            self._lingering.close_at_once()

    def _make_room(self) -> None:
        """Close the connection that has been idle for the longest time, or refuse this one."""
        most = self._most_connections
        if most is None or len(self.connections) <= most:
            return  # as nearly always, without a look at each
        others = [
            each for each in cast("set[Http1]", self.connections)
            if each is not self and not each._lingering.gone
        ]  # fmt: skip
        if len(others) < most:
            return
        idle = [each for each in others if each._is_idle()]
        if idle:
            min(idle, key=lambda each: each._idle_since)._lingering.close_at_once()
        else:
            self._give_up(_too_many_connections(most))


def _parts(url: bytes) -> tuple[str, bytes, bytes]:
    """The path, decoded and as it came, and the query."""
    parts = httptools.parse_url(url)
    path = parts.path.decode("ascii")
    return unquote(path) if "%" in path else path, parts.path, parts.query or b""


# Tools ask for the same again and again.
_remembered_parts = lru_cache(maxsize=_REMEMBERED)(_parts)


def _malformed() -> BrightfieldError:
    return MalformedRequest("The request isn't HTTP/1.1; let a library write it.")


def _too_large() -> BrightfieldError:
    return HeadTooLarge(
        f"The head of the request has more than {MOST_BYTES_OF_A_HEAD} bytes; send less in the "
        "path, the query and the headers, and the rest as a body."
    )


def _too_slow(seconds: float) -> BrightfieldError:
    return HeadTooSlow(
        f"The head of the request wasn't complete after {seconds:g} s; send it at once."
    )


def _too_many_in_line() -> BrightfieldError:
    return Overloaded(
        f"More than {MOST_REQUESTS_IN_LINE} requests wait for their replies on one connection; "
        "read the replies first.",
        retry_after=1,
    )


def _too_many_connections(most: int) -> BrightfieldError:
    return TooManyConnections(
        f"{most} connections are open, the limit (max_connections), and none is idle; "
        "ask again in a moment.",
        retry_after=1,
    )
