"""The door before every route: a key, its scope, its rate; and the audit behind it."""

from __future__ import annotations

from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brightfield.access.allowance import Quota
from brightfield.access.visitor import STRANGER, Visitor
from brightfield.api.door import audit
from brightfield.api.door.needs import GuardedRoute, RouteNeeds
from brightfield.api.door.quota_headers import quota_headers
from brightfield.api.problems import problem_response
from brightfield.api.services import Services
from brightfield.api.wire.quick_headers import QuickHeaders
from brightfield.errors import BrightfieldError
from brightfield.refusals import InsufficientScope, InvalidKey, Unauthorized

_REALM = 'Bearer realm="brightfield"'


class Door:
    """ASGI before an application, or before an endpoint of it.

    Finds out by the key who asks (`scope["visitor"]`) and refuses who may not: 401 without a key
    that opens, 403 without the scope that the route states, 429 over the key's rate. What is
    refused is refused before any of its body is read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = _needs(scope).of(scope["method"], get_route_path(scope))
        if route is None:
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, send, route)
        try:
            await visit.enter(_services(scope))
        except BrightfieldError as fault:
            await visit.refuse(fault, receive)
        else:
            await self._app(scope, receive, visit.send)
        finally:
            visit.note()


class _Visit:
    """A request that stands in the door."""

    def __init__(self, scope: Scope, send: Send, route: GuardedRoute) -> None:
        self._scope = scope
        self._send = send
        self._route = route
        self._visitor: Visitor | None = None
        self._status = 500
        self._job: str | None = None
        self._quotas: list[Quota] = []

    async def enter(self, services: Services) -> None:
        """Raises `Unauthorized`, `InsufficientScope`, `RateExceeded`, `QuotaExceeded`."""
        needs, headers = self._route.needs, QuickHeaders(self._scope["headers"])
        if needs.scope == "open":
            self._scope["visitor"] = STRANGER
            return
        visitor = await services.keyring.visitor(headers.get("authorization"))
        self._visitor = self._scope["visitor"] = visitor
        visitor.allowance.request()
        visitor.check(needs.scope)
        as_job = "respond-async" in headers.get("prefer", "")
        if as_job:
            visitor.check(needs.job)
        most = visitor.allowance.limits.stored_bytes
        if most is not None and (needs.stores or (as_job and needs.job != "open")):
            length = headers.get("content-length", "")
            size = int(length) if length.isdecimal() else 0
            left = await services.storage.admit(visitor.project, most, size)
            self._quotas.append(Quota("stored", "content-bytes", most, left))

    async def refuse(self, fault: BrightfieldError, receive: Receive) -> None:
        response = problem_response(fault, self._scope["request_id"])
        challenge = _challenge(fault)
        if challenge is not None:
            response.headers["WWW-Authenticate"] = challenge
        await response(self._scope, receive, self.send)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            if self._status == 202:
                self._job = Headers(raw=message["headers"]).get("location")
            if quotas := self._left():
                MutableHeaders(scope=message).update(quota_headers(quotas))
        await self._send(message)

    def _left(self) -> list[Quota]:
        """What the visitor's key has left of its limits."""
        if self._visitor is None:
            return []
        return [*self._visitor.allowance.quotas(), *self._quotas]

    def note(self) -> None:
        scope, path = self._scope, self._scope["path"]
        audit.note(self._visitor, self._route, scope["method"], path, self._status, self._job)


def _challenge(fault: BrightfieldError) -> str | None:
    """What RFC 6750 says about the fault."""
    if isinstance(fault, InvalidKey):
        return f'{_REALM}, error="invalid_token"'
    if isinstance(fault, Unauthorized):
        return _REALM
    if isinstance(fault, InsufficientScope):
        return f'{_REALM}, error="insufficient_scope", scope="{fault.scope}"'
    return None


def _needs(scope: Scope) -> RouteNeeds:
    found: RouteNeeds = scope["app"].state.needs
    return found


def _services(scope: Scope) -> Services:
    found: Services = scope["app"].state.services
    return found
