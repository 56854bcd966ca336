"""Requests as bytes: offers of other protocols, pipelines, pieces, and what is no request."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import h11
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from brightfield.api.http1 import MOST_BYTES_OF_A_HEAD, MOST_REQUESTS_IN_LINE, Http1
from brightfield.api.middleware import RequestMiddleware
from brightfield.runtime.telemetry import Telemetry
from brightfield.settings import Settings

from .connections import Connection, settled

pytestmark = pytest.mark.anyio
EXAMPLES = int(os.environ.get("BRIGHTFIELD_WIRE_EXAMPLES", "100"))
HOST = b"Host: 127.0.0.1\r\n"
LIVE = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


Asked = tuple[str, bytes, list[tuple[bytes, bytes]], bytes]
"""Method, target, headers and body."""


@dataclass
class Echo:
    """An application that keeps what it is asked, and answers with the body."""

    asked: list[Asked] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        target = scope["raw_path"] + (b"?" if scope["query_string"] else b"")
        headers = [tuple(header) for header in scope["headers"]]
        self.asked.append((scope["method"], target + scope["query_string"], headers, body))
        await Response(body)(scope, receive, send)


def whole(echo: Echo, **settings: Any) -> RequestMiddleware:
    """The application as the service has it, with the layer that answers what is refused."""
    return RequestMiddleware(echo, Settings(**settings), Telemetry())


OFFERS = [
    b"",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c, foo/1\r\nHTTP2-Settings: AAMA\r\n",
    b"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n",
    b"Cookie: " + b"a" * 5000 + b"\r\nConnection: upgrade\r\nUpgrade: TLS/1.0\r\n",
    b"Upgrade: h2c\r\n",
    b"Connection: x\r\nConnection: Upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n",
]
WORDS = [
    b"\r\nUpgrade: h2c\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n", b"Connection: Upgrade\r\n", b"\x00\xff", b"h2c",
]  # fmt: skip
bodies = st.lists(st.sampled_from(WORDS) | st.binary(max_size=40), max_size=5).map(b"".join)


@st.composite
def requests(draw: Any) -> bytes:
    """One that is well-formed, as bytes."""
    body = draw(bodies)
    lines = [HOST, draw(st.sampled_from(OFFERS)), b"X: y\r\n"]
    place = draw(st.integers(0, len(lines)))
    framing = draw(st.sampled_from(["none", "length", "chunks"]))
    if framing == "none":
        body = b""
    elif framing == "length":
        lines.insert(place, b"Content-Length: %d\r\n" % len(body))
    else:
        lines.insert(place, b"Transfer-Encoding: chunked\r\n")
        chunks = pieces_of(body, draw(st.sets(st.integers(1, 100), max_size=3)))
        trailers = draw(st.sampled_from([b"", b"Host: evil\r\nT: 1\r\n"]))
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
        body += b"0\r\n" + trailers + b"\r\n"
    method = draw(st.sampled_from([b"POST", b"PUT", b"GET", b"DELETE"]))
    target = draw(st.sampled_from([b"/", b"/a?b=%0d%0a", b"/a/%2e%2e?"]))
    return b"".join([method, b" ", target, b" HTTP/1.1\r\n", *lines, b"\r\n", body])


def pieces_of(whole: bytes, cuts: set[int]) -> list[bytes]:
    places = sorted({0, len(whole)} | {cut for cut in cuts if cut < len(whole)})
    return [whole[a:b] for a, b in itertools.pairwise(places)]


def by_h11(stream: bytes) -> list[Asked]:
    """The same requests as another parser reads them, which takes no offers either."""
    connection, found = h11.Connection(h11.SERVER), []
    connection.receive_data(stream)
    while (event := connection.next_event()) is not h11.NEED_DATA:
        assert isinstance(event, h11.Request)
        body = b""
        while not isinstance(piece := connection.next_event(), h11.EndOfMessage):
            assert isinstance(piece, h11.Data)
            body += piece.data
        headers = [(name, value) for name, value in event.headers]
        found.append((event.method.decode(), event.target, headers, bytes(body)))
        for answer in (
            h11.Response(status_code=200, headers=[(b"content-length", b"0")]),
            h11.EndOfMessage(),
        ):
            connection.send(answer)
        connection.start_next_cycle()
    return found


def without_offers(asked: Sequence[Asked]) -> list[Asked]:
    """Hop-by-hop headers are the connection's matter; all else is to be the same."""
    hop = (b"connection", b"upgrade")
    return [
        (method, target.removesuffix(b"?"), [line for line in headers if line[0] not in hop], body)
        for method, target, headers, body in asked
    ]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(requests(), min_size=1, max_size=5), st.data())
def test_any_pieces_of_a_pipeline_are_the_same_requests(sent: list[bytes], data: Any) -> None:
    stream = b"".join(sent)
    cuts = data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=12), label="cuts")
    echo = Echo()

    async def exchange() -> bytes:
        connection = Connection(echo)
        await connection.send(pieces_of(stream, cuts))
        await connection.finish()
        return bytes(connection.wire.written)

    replies = asyncio.run(exchange())
    assert without_offers(echo.asked) == without_offers(by_h11(stream))
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
    assert replies == b"".join(head % len(body) + body for *_, body in echo.asked)


async def told(*pieces: bytes, **config: Any) -> tuple[Connection, Echo]:
    echo = Echo()
    connection = Connection(whole(echo), Impatient, **config)
    await connection.send(pieces)
    await settled()
    return connection, echo


class Impatient(Http1):
    head_seconds = 0.05
    linger_seconds = 0.05


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
        b"GET /\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET ftp://127.0.0.1/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://127.0.0.1:99999/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://me@127.0.0.1/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http:/// HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: \x00\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    ],
)
async def test_what_is_no_request_is_a_problem_behind_the_answers(head: bytes) -> None:
    connection, _ = await told(LIVE + head, LIVE)
    assert connection.statuses[:2] == [200, 400]
    assert b"application/problem+json" in connection.wire.written
    assert b"x-request-id: req_" in connection.wire.written


async def test_a_target_names_the_host_that_counts() -> None:
    foreign = b"GET http://evil.example/livez HTTP/1.1\r\n" + HOST + b"\r\n"
    own = b"GET http://127.0.0.1:8000?a=b HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    everything = b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n"
    connection, echo = await told(foreign.replace(b"livez", b"models"), own, everything)
    assert connection.statuses == [403, 200, 200]
    assert [target for _, target, _, _ in echo.asked] == [b"/?a=b", b"*"]
    assert (b"host", b"127.0.0.1:8000") in echo.asked[0][2]


async def test_a_body_that_breaks_is_the_fault_of_its_request() -> None:
    chunks = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n"
    connection, echo = await told(chunks, LIVE)
    assert connection.statuses == [400]
    assert b"malformed_request" in connection.wire.written
    assert echo.asked == []


@pytest.mark.parametrize("piece", [1000, 100_000])
@pytest.mark.parametrize(
    "start",
    [b"GET /livez HTTP/1.1\r\nCookie: ", b"GET /", b"GET / HTTP/1.1\r\nA: b\r\nX"],
)
async def test_a_head_has_a_bound(start: bytes, piece: int) -> None:
    connection, echo = await told(start, *[b"a" * piece] * (300_000 // piece))
    assert connection.statuses == [431]
    assert (connection.wire.ended, connection.wire.closed) == (True, False)  # the reply is read
    await asyncio.sleep(0.1)
    assert connection.wire.closed and echo.asked == []


async def test_a_head_just_within_its_bound() -> None:
    lines = b"A: " + b"b" * (MOST_BYTES_OF_A_HEAD - 100) + b"\r\n"
    connection, _ = await told(b"GET / HTTP/1.1\r\n" + HOST + lines + b"\r\n")
    assert connection.statuses == [200]


async def test_a_head_is_complete_in_time_however_it_comes() -> None:
    connection, echo = await told(b"GET /livez HTTP/1.1\r\n")
    begun = time.monotonic()
    while not connection.statuses and time.monotonic() - begun < 5:
        await connection.send([b"A: b\r\n"])
        await asyncio.sleep(0.01)
    assert connection.statuses == [408] and echo.asked == []


@pytest.mark.parametrize("sent", [[], [b"\r\n\r\n"], [LIVE, b"\r\n"]])
async def test_a_connection_that_asks_nothing_is_closed(sent: list[bytes]) -> None:
    connection, _ = await told(*sent, timeout_keep_alive=1)
    before = len(connection.wire.written)
    await asyncio.sleep(0.15)
    assert connection.wire.closed and len(connection.wire.written) == before


async def test_the_rest_of_a_body_that_nobody_reads_has_a_bound() -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(status_code=413)(scope, receive, send)

    connection = Connection(refuse, Impatient)
    begun = time.monotonic()
    await connection.send([b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n"])
    while not connection.wire.closed and time.monotonic() - begun < 5:
        await connection.send([b"a"])
        await asyncio.sleep(0.01)
    assert connection.wire.closed and connection.statuses == [413]


async def test_a_body_that_was_not_asked_for_does_not_run_into_the_next_request() -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(status_code=413)(scope, receive, send)

    connection = Connection(refuse, Impatient)
    expects = b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n"
    await connection.send([expects])
    await settled()
    assert connection.statuses == [413] and connection.wire.ended


async def test_requests_in_line_have_a_bound() -> None:
    connection, _ = await told(LIVE * (MOST_REQUESTS_IN_LINE + 50))
    await settled(20 * MOST_REQUESTS_IN_LINE)
    assert connection.statuses == [200] * (MOST_REQUESTS_IN_LINE + 1) + [429]


async def test_of_too_many_connections_the_one_idle_for_longest_goes() -> None:
    connection, _ = await told(limit_concurrency=3)
    second, third = connection.another()[0], connection.another()[0]
    await connection.send([LIVE])  # the first has just been used
    fourth = connection.another()[0]
    assert [wire.closed for wire in (connection.wire, second, third, fourth)] == [
        False, True, False, False,
    ]  # fmt: skip


async def test_where_none_is_idle_the_new_connection_is_refused() -> None:
    connection, _ = await told(
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n", limit_concurrency=1
    )
    wire, protocol = connection.another()
    protocol.data_received(LIVE)
    await settled()
    assert wire.written.startswith(b"HTTP/1.1 503 ") and b"retry-after: 1" in wire.written
    assert not connection.wire.closed


async def test_a_lost_connection_is_told_to_who_waits() -> None:
    calls: list[str] = []

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        scope["hang_up_calls"].add(lambda: calls.append("gone"))
        await asyncio.sleep(5)

    connection = Connection(wait)
    await connection.send([LIVE])
    connection.protocol.connection_lost(None)
    assert calls == ["gone"]
    for task in connection.state.tasks:
        task.cancel()
