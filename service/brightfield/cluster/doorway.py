"""The outermost layer of a replica's HTTP, around what Ray puts around the app."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brightfield.api.middleware import request_id_of

log = logging.getLogger(__name__)

_ID = b"x-request-id"
_RAYS_OWN = (b"x-request-timeout-seconds", b"x-request-disconnect-disabled")
_HEALTH = "/-/healthz"
_LOOK = 1.0  # seconds between two looks at whether Ray is about to end the replica
_ENDS = b"DRAINING"


class Hosted(Protocol):
    """What the door has to know of who lives behind it."""

    place: str

    def answers_at(self, port: int) -> None: ...

    async def drain(self) -> None: ...


class Doorway:
    """Makes requests and replies those of the plain service.

    - Ray adds its X-Request-ID to each reply, beside the service's own. Here a request gets its id,
      by the service's rule, so both are the same; one is kept.
    - Headers by which callers could have Ray answer in its own way are dropped.
    - A replica of a pool is asked by the others as they are asked themselves, where Ray lets
      requests in only by the path of the pool.
    - Ray tells nobody that it is about to end a replica. But its answer at /-/healthz changes, so
      that is looked at every second.

    `resident` finds who lives here; None in Ray's fallback proxy, which has no app.
    """

    def __init__(self, app: ASGIApp, resident: Callable[[], Hosted | None]) -> None:
        self._app = app
        self._resident = resident
        self._watch: asyncio.Task[None] | None = None
        self._place = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._watch is None and (resident := self._resident()) is not None:
            self._arrive(resident, scope)
        request_id = request_id_of(scope).encode("latin-1")
        kept = [pair for pair in scope["headers"] if pair[0] not in (_ID, *_RAYS_OWN)]
        scope = {
            **scope,
            "headers": [*kept, (_ID, request_id)],
            "path": self._inside(scope["path"]),
        }

        async def send_once(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [pair for pair in message["headers"] if pair[0].lower() != _ID]
                message = {**message, "headers": [*others, (_ID, request_id)]}
            await send(message)

        await self._app(scope, receive, send_once)

    def _inside(self, path: str) -> str:
        """The path as Ray wants it."""
        here = f"{path}/".startswith((f"{self._place}/", "/-/"))
        return path if here else f"{self._place}{path}"

    def _arrive(self, resident: Hosted, scope: Scope) -> None:
        """With the first request, which is the balancer's look at its health."""
        self._place = resident.place
        resident.answers_at(scope["server"][1])
        self._watch = asyncio.create_task(self._await_end(resident))

    async def _await_end(self, resident: Hosted) -> None:
        while not await self._ends():  # noqa: ASYNC110 (there is no event)
            await asyncio.sleep(_LOOK)
        try:
            await resident.drain()
        except Exception:
            log.exception("jobs aren't handed back; others take them when the lease has ended")

    async def _ends(self) -> bool:
        """Ask what is behind this layer whether it is about to end."""
        said = bytearray()

        async def hear(message: Message) -> None:
            said.extend(message.get("body", b""))

        with suppress(Exception):  # it is asked again
            await self._app(_health_check(), _nothing, hear)
        return _ENDS in said


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _health_check() -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": _HEALTH,
        "raw_path": _HEALTH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": None,
        "server": None,
    }


def middlewares() -> list[Middleware]:
    """What Ray calls in each process that answers HTTP."""
    return [Middleware(Doorway, resident=_resident_here)]


def _resident_here() -> Any:
    """The app of the replica that this process is; None if it is none."""
    from ray import serve
    from ray.serve.exceptions import RayServeException

    try:
        return getattr(serve.get_replica_context().servable_object, "hosted", None)
    except RayServeException:
        return None
