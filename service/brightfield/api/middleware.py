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
from brightfield.runtime.telemetry import Telemetry
from brightfield.settings import Settings

log = logging.getLogger("brightfield.access")

# Ids need be unique, not secret; asking the system for random bytes costs more than the id.
_random = random.Random()

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SHOWN = 1000


class RequestMiddleware:
    """Gives each request an id, refuses foreign hosts and origins, counts and logs the reply.

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
        request_id = scope["request_id"] = _request_id(scope)
        path = scope["path"]
        if len(path) > 1 and path.endswith("/"):  # every path answers with and without it
            scope["path"] = path.rstrip("/") or "/"
        token = current_request_id.set(request_id)
        reply = _Reply(request_id, self._security, send)
        calls = scope.get("hang_up_calls", set())
        calls.add(reply.leave)
        try:
            await self._answer(scope, receive, reply)
        finally:
            calls.discard(reply.leave)
            self._note(scope, reply)
            current_request_id.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        try:
            refusal = scope.get("refusal") or self._guard.refusal(scope)
            if refusal is not None:
                await self._explain(refusal, scope, receive, reply)
                return
            await self._app(scope, receive, reply.send)
            if not reply.whole:  # what streams a reply ends quietly when nobody listens
                reply.leave()
        except ClientDisconnect as gone:
            without_frames(gone)
            reply.leave()
        except BrightfieldError as fault:
            await self._explain(fault, scope, receive, reply)
        except Exception as fault:
            if reply.left:  # what breaks because nobody listens isn't a fault of ours
                log.debug("%s %s ended", scope["method"], _short(scope), exc_info=True)
                without_frames(fault)
                return
            log.exception("%s %s failed", scope["method"], _short(scope))
            if reply.begun:  # too late for another status: cut the reply off instead
                raise
            without_frames(fault)
            await self._explain(unexpected(), scope, receive, reply)

    async def _explain(
        self, fault: BrightfieldError, scope: Scope, receive: Receive, reply: _Reply
    ) -> None:
        await problem_response(fault, scope["request_id"])(scope, receive, reply.send)

    def _note(self, scope: Scope, reply: _Reply) -> None:
        route = scope.get("route")
        endpoint = getattr(route, "path", "other")
        self._telemetry.count_request(endpoint, reply.counted)
        if log.isEnabledFor(logging.INFO):
            log.info(
                "%s %s %d",
                scope["method"],
                _short(scope),
                reply.counted,
                extra={"ms": round(1e3 * (time.perf_counter() - reply.since), 1)},
            )


class _Reply:
    """A reply on its way out: its status, how far it has come, and whether anybody waits for it."""

    __slots__ = ("_request_id", "_security", "_send", "begun", "left", "since", "status", "whole")

    def __init__(self, request_id: str, security: SecurityHeaders, send: Send) -> None:
        self._request_id = request_id.encode("latin-1")
        self._security = security
        self._send = send
        self.since = time.perf_counter()
        self.status = 500
        self.begun = self.whole = self.left = False

    @property
    def counted(self) -> int:
        """The status, or 499 where the client left before the last byte of its reply."""
        return Cancelled.status if self.left and not self.whole else self.status

    def leave(self) -> None:
        """The client has gone."""
        self.left = True

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.begun = message["status"], True
            headers = message["headers"] = list(message["headers"])
            headers.append((b"x-request-id", self._request_id))
            self._security.add_to(headers)
        await self._send(message)
        if not message.get("more_body", False) and message["type"] == "http.response.body":
            self.whole = not self.left


def _short(scope: Scope) -> str:
    return str(scope["path"][:_SHOWN])


def _request_id(scope: Scope) -> str:
    """The caller's X-Request-ID where it is a plain word, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if _ID.fullmatch(given):
                return str(given)
    return f"req_{_random.getrandbits(128):032x}"
