"""The service as it lives in a replica of Ray: an ASGI application with its own life."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from starlette._utils import get_route_path
from starlette.types import Receive, Scope, Send

from brightfield.api.app import create_app
from brightfield.api.jobs.parts import JobParts
from brightfield.api.services import Services
from brightfield.cluster.node import reached_at
from brightfield.cluster.records import ReplicaRecords, records_folder
from brightfield.cluster.scaling import BACKLOG, PLACES
from brightfield.engine.engine import Engine
from brightfield.errors import BrightfieldError
from brightfield.runtime.safeguards import Safeguards
from brightfield.settings import Settings

log = logging.getLogger(__name__)

_MOST_LOST = 3  # threads that were given up and still run, as for the plain service's worker
_DOWN = 10.0  # seconds for which a device's thread may be down


class Unwell(RuntimeError):
    """Raised by a replica that is to be replaced."""


class HostedApp:
    """The app of a replica, from before it is asked until its end. `place` is the path below which
    Ray calls it, if it is a pool's; the app itself answers as if there were none.

    Ray's way to run a lifespan hides why it failed, so `open` runs it, and raises.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        place: str = "",
    ) -> None:
        self._clock = clock
        self.place = place
        self._settings = settings
        self.records = records = ReplicaRecords(records_folder(settings))
        self._safeguards = Safeguards(records.flights, records.quarantine, settings.lane_timeout)
        # Where it is reached isn't known before Ray has given it a port.
        own = settings.model_copy(update={"address": "", "port": 0})
        self.engine = Engine(own, safeguards=self._safeguards)
        self.app = create_app(own, self.engine)
        self._life = AsyncExitStack()
        self._down_since: float | None = None
        self.draining = False

    async def open(self) -> None:
        """Start, and wait for the default models, so that no request comes before they are there.

        Raises what is wrong with the settings or the store.
        """
        await self._life.enter_async_context(self.app.router.lifespan_context(self.app))
        preloads = self.app.state.preloads
        if preloads is not None:
            try:
                await asyncio.to_thread(preloads.wait)
            except BrightfieldError as fault:  # as in the plain service, the others are served
                log.warning("a default model can't be loaded: %s", fault)
        self._safeguards.flights.say_up()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            inside = {"path": get_route_path(scope), "root_path": ""} if self.place else {}
            await self.app({**scope, **inside}, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """What Ray asks for: the start was before, the end is now."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._life.aclose()
        self.records.close()
        await send({"type": "lifespan.shutdown.complete"})

    def answers_at(self, port: int) -> None:
        """The port of this replica, which others are told with its next beat."""
        self._jobs.cluster.residency.reached_at(reached_at(self._settings, port))

    async def drain(self) -> None:
        """Ray is about to end the replica: its jobs go to others, and so do listeners to jobs.

        Requests are answered as before.
        """
        if not self.draining:
            self.draining = True
            log.info("the replica is to end: its jobs are handed back")
            await self._jobs.drain(0.15 * self._settings.stop_timeout)

    def check(self) -> None:
        """Raises `Unwell` if only another process can help: a device's thread stays down, or too
        many threads that were given up still run.

        A store that is away is no reason: predictions go on without it, and a new replica couldn't
        start.
        """
        down = [lane.name for lane in self.engine.lanes if lane.state == "down"]
        now = self._clock()
        self._down_since = (self._down_since or now) if down else None
        if self._down_since is not None and now - self._down_since > _DOWN:
            raise Unwell(f"The thread of {', '.join(down)} has been down for {_DOWN:.0f} s.")
        if self._safeguards.lost >= _MOST_LOST:
            raise Unwell(f"{self._safeguards.lost} threads that were given up still run.")

    def load(self) -> dict[str, float]:
        """What the number of replicas is chosen by."""
        services: Services = self.app.state.services
        admission = services.admission
        taken = max(admission.answers.share_taken, admission.lengthy.share_taken)
        return {BACKLOG: self.engine.backlog(), PLACES: taken}

    @property
    def _jobs(self) -> JobParts:
        jobs: JobParts = self.app.state.jobs
        return jobs
