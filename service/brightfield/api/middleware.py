"""What happens to every request: its id, who may ask, how it is counted and logged."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brightfield.api.logs import request_id as current_request_id
from brightfield.api.problems import problem_response, unexpected
from brightfield.errors import BrightfieldError, Forbidden
from brightfield.runtime.telemetry import Telemetry
from brightfield.settings import Settings

log = logging.getLogger("brightfield.access")

# Ids need be unique, not secret; asking the system for random bytes costs more than the id.
_random = random.Random()

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestMiddleware:
    """Gives each request an id, refuses foreign hosts and origins, counts and logs the reply.

    Requests to the image endpoints (`direct`, by path) go straight there: they are many, and
    finding the route costs three times what else HTTP's side of them does (decision 7, measured by
    benchmarks/routing.py). Plain ASGI: wrapping the body in tasks, as
    Starlette's base class does, would hide hang-ups.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        telemetry: Telemetry,
        direct: Mapping[str, ASGIApp],
    ) -> None:
        self._app = app
        self._guard = Guard(settings)
        self._telemetry = telemetry
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope["request_id"] = request_id
        path = scope["path"]
        if len(path) > 1 and path.endswith("/"):  # every path answers with and without it
            scope["path"] = path.rstrip("/") or "/"
        token = current_request_id.set(request_id)
        started, status, begun = time.perf_counter(), 500, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                message["headers"].append((b"x-request-id", request_id.encode("latin-1")))
            await send(message)

        try:
            refusal = self._guard.refusal(headers)
            if refusal is not None:
                await problem_response(refusal, request_id)(scope, receive, send_with_id)
            elif scope["method"] == "POST" and scope["path"] in self._direct:
                await self._answer(scope, receive, send_with_id)
            else:
                await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if begun:  # too late for another status: cut the reply off instead
                raise
            await problem_response(unexpected(), request_id)(scope, receive, send_with_id)
        finally:
            self._note(scope, status, time.perf_counter() - started)
            current_request_id.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._direct[scope["path"]](scope, receive, send)
        except BrightfieldError as fault:
            await problem_response(fault, scope["request_id"])(scope, receive, send)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        endpoint = getattr(route, "path", "other")
        self._telemetry.count_request(endpoint, status)
        if log.isEnabledFor(logging.INFO):
            log.info(
                "%s %s %d",
                scope["method"],
                scope["path"],
                status,
                extra={"ms": round(1e3 * seconds, 1)},
            )


class Guard:
    """Refuses requests that a web page of another origin makes the browser send.

    A page cannot forge the Host header, so a name that is rebound to loopback shows there; and a
    browser names the page's Origin on every POST.
    """

    def __init__(self, settings: Settings) -> None:
        self._hosts = {name.strip().lower() for name in settings.allowed_hosts.split(",")}
        self._origins = {name.strip().lower() for name in settings.allowed_origins.split(",")}
        if settings.host not in ("0.0.0.0", "::"):
            self._hosts.add(settings.host.lower())

    def refusal(self, headers: Headers) -> Forbidden | None:
        host = headers.get("host", "").lower()
        if "*" not in self._hosts and _without_port(host) not in self._hosts:
            return Forbidden(
                f"The host {host!r} is not known to the service; add its name to allowed_hosts "
                "(BRIGHTFIELD_ALLOWED_HOSTS)."
            )
        origin = headers.get("origin", "").lower()
        if not origin or origin in self._origins or "*" in self._origins:
            return None
        if urlsplit(origin).netloc == host:
            return None
        return Forbidden(
            f"Pages of {origin!r} may not call the service; add the origin to allowed_origins "
            "(BRIGHTFIELD_ALLOWED_ORIGINS) if they shall."
        )


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _request_id(headers: Headers) -> str:
    """The caller's X-Request-ID where it is a plain word, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _ID.fullmatch(given) else f"req_{_random.getrandbits(128):032x}"
