"""What happens to every request: its id, who may ask, how it is counted and logged."""

from __future__ import annotations

import logging
import random
import re
import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brightfield.api.logs import request_id as current_request_id
from brightfield.api.problems import problem_response, unexpected
from brightfield.api.wire.guard import Guard
from brightfield.api.wire.security_headers import SecurityHeaders
from brightfield.errors import BrightfieldError, Cancelled
from brightfield.frames import without_frames
from brightfield.refusals import MalformedRequest
from brightfield.runtime.telemetry import Telemetry
from brightfield.settings import Settings

log = logging.getLogger("brightfield.access")

# Ids need be unique, not secret; asking the system for random bytes costs more than the id.
_random = random.Random()

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SHOWN = 1000


class RequestMiddleware:
    """Gives each request an id, refuses foreign hosts and origins, counts and logs the exchange.

    The outermost layer: whatever the others raise becomes a problem here, and a client that has
    left is counted as 499, wherever that was noticed. Plain ASGI: wrapping the body in tasks, as
    Starlette's base class does, would hide hang-ups.
    """

    def __init__(self, app: ASGIApp, settings: Settings, telemetry: Telemetry) -> None:
        self._app = app
        self._guard = Guard(settings)
        self._security = SecurityHeaders(shared=bool(settings.allowed_origins.strip()))
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["request_id"] = request_id_of(scope)
        path = scope["path"]
        if len(path) > 1 and path.endswith("/"):  # every path answers with and without it
            scope["path"] = path.rstrip("/") or "/"
        token = current_request_id.set(request_id)
        exchange = _Exchange(scope, receive, send, self._security)
        calls = scope.get("hang_up_calls", set())
        calls.add(exchange.leave)
        try:
            await self._answer(scope, exchange)
        finally:
            calls.discard(exchange.leave)
            self._note(scope, exchange)
            current_request_id.reset(token)

    async def _answer(self, scope: Scope, exchange: _Exchange) -> None:
        try:
            refusal = scope.get("refusal") or self._guard.refusal(scope)
            if refusal is not None:
                await self._explain(refusal, scope, exchange)
                return
            await self._app(scope, exchange.receive, exchange.send)
            if not exchange.whole:  # what streams a reply ends quietly when nobody listens
                exchange.leave()
        except ClientDisconnect as gone:
            without_frames(gone)
            exchange.leave()
        except BrightfieldError as fault:
            await self._explain(fault, scope, exchange)
        except Exception as fault:
            if exchange.left:  # what breaks because nobody listens isn't a fault of ours
                log.debug("%s %s ended", scope["method"], _short(scope), exc_info=True)
                without_frames(fault)
                return
            log.exception("%s %s failed", scope["method"], _short(scope))
            if exchange.begun:  # too late for another status: cut the reply off instead
                raise
            without_frames(fault)
            await self._explain(unexpected(), scope, exchange)

    async def _explain(self, fault: BrightfieldError, scope: Scope, exchange: _Exchange) -> None:
        response = problem_response(fault, scope["request_id"])
        await response(scope, exchange.receive, exchange.send)

    def _note(self, scope: Scope, exchange: _Exchange) -> None:
        route = scope.get("route")
        endpoint = getattr(route, "path", "other")
        self._telemetry.count_request(endpoint, exchange.counted)
        if log.isEnabledFor(logging.INFO):
            log.info(
                "%s %s %d",
                scope["method"],
                _short(scope),
                exchange.counted,
                extra={"ms": round(1e3 * (time.perf_counter() - exchange.since), 1)},
            )


class _Exchange:
    """A request and its reply: how far each has come, and whether anybody waits for it."""

    __slots__ = (
        "_receive", "_scope", "_security", "_send", "begun", "left", "since", "status", "whole"
    )  # fmt: skip

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, security: SecurityHeaders
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._security = security
        self.since = time.perf_counter()
        self.status = 500
        self.begun = self.whole = self.left = False

    @property
    def counted(self) -> int:
        """The status, or 499 where the client left before the last byte of its exchange."""
        return Cancelled.status if self.left and not self.whole else self.status

    def leave(self) -> None:
        """The client has gone."""
        self.left = True

    async def receive(self) -> Message:
        """A piece of the body. Raises `MalformedRequest` where our protocol finds it broken."""
        message = await self._receive()
        if "broken" in self._scope:
            raise MalformedRequest(self._scope["broken"])
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.begun = message["status"], True
            headers = message["headers"] = list(message["headers"])
            headers.append((b"x-request-id", self._scope["request_id"].encode("latin-1")))
            self._security.add_to(headers)
        await self._send(message)
        if not message.get("more_body", False) and message["type"] == "http.response.body":
            self.whole = not self.left


def _short(scope: Scope) -> str:
    return str(scope["path"][:_SHOWN])


def request_id_of(scope: Scope) -> str:
    """The caller's X-Request-ID where it is a plain word, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if _ID.fullmatch(given):
                return str(given)
    return f"req_{_random.getrandbits(128):032x}"
