"""How much a project holds, measured now and then, and whether more may come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from brightfield.refusals import QuotaExceeded
from brightfield.store.images import ImageStore
from brightfield.store.ownership import of_project
from brightfield.store.usage import stored_bytes

_VALID = 10.0
"""Seconds for which a measurement holds; what is sent meanwhile is added to it."""


@dataclass(slots=True)
class _Held:
    """The bytes of a project when they were measured, and those that were sent since."""

    measured: int
    at: float
    sent: int = 0

    @property
    def total(self) -> int:
        return self.measured + self.sent


class Storage:
    """Whether projects may store more. Lives on the event loop's thread.

    A request is judged before its body is read, by the length that it states; so a project can get
    past its limit by requests that don't state theirs, and by results of jobs.
    """

    def __init__(
        self, engine: Engine, images: ImageStore, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._images = images
        self._clock = clock
        self._held: dict[str, _Held] = {}

    async def admit(self, project: str, limit: int, size: int) -> int:
        """Count `size` more bytes of a project; how many are left. Raises `QuotaExceeded`."""
        held = await self._now(project)
        if held.total + size > limit:
            raise QuotaExceeded(
                f"The project {project} holds {held.total} bytes, and with the {size} of this "
                f"request it would have more than the {limit} that the API key may fill. Delete "
                "collections, runs or jobs, wait until uploaded images expire, or ask for more."
            )
        held.sent += size
        return limit - held.total

    async def _now(self, project: str) -> _Held:
        held = self._held.get(project)
        if held is None or self._clock() - held.at > _VALID:
            measured = await asyncio.to_thread(self._measured, project)
            held = self._held[project] = _Held(measured, self._clock())
        return held

    def _measured(self, project: str) -> int:
        return stored_bytes(of_project(self._engine, project)) + self._images.held(project)
