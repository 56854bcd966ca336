"""How a job is told of while it runs: its steps, a few times a second, as events in the store."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import orjson

from brightfield.errors import BrightfieldError
from brightfield.progress import Step
from brightfield.store.job_claims import ClaimedJob, JobClaims, NewEvent

log = logging.getLogger(__name__)

_EVERY = 0.5  # seconds between two events of the progress
_PARTIALS_EVERY = 0.25  # seconds between two writes of what can be shown already
_KEPT = 1000  # partial results that wait for a listener


class Telling:
    """Writes what a job reports, while it is entered; `lost` is called once the job is another's.

    Progress is written at once, and then twice a second. Partial results, of which each counts,
    wait until somebody listens, and are written four times a second then.
    """

    def __init__(self, claimed: ClaimedJob, claims: JobClaims, lost: Callable[[], None]) -> None:
        self._claimed = claimed
        self._claims = claims
        self._lost = lost
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._done = self._total = 0
        self._fresh = False
        self._partials: deque[bytes] = deque(maxlen=_KEPT)
        self._news = asyncio.Event()
        self._watched_until = self._written = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def report(self, step: Step) -> None:
        """Called in a thread of the engine."""
        numbers = {"done": step.done, "total": step.total}
        with self._lock:
            self._done, self._total, self._fresh = step.done, step.total, True
            if step.partial is not None:
                self._partials.append(orjson.dumps({**numbers, **step.partial}))
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._news.set)

    def watched(self, until: float) -> None:
        """Somebody listens until then, in monotonic seconds; on the loop's thread."""
        self._watched_until = until
        self._news.set()

    def rest(self) -> tuple[int, int, list[NewEvent]]:
        """How far the job has come, and the events that were not written."""
        events = self._events(time.monotonic(), last=True)
        return self._done, self._total, events

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._tell())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))  # a write that runs is over, too
        # No circle is left, which the request's bytes would wait in for the garbage collector.
        self._task, self._lost = None, _nothing

    async def _tell(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            events = self._events(time.monotonic())
            if events:
                await self._write(events)
            await asyncio.sleep(_PARTIALS_EVERY)
            with self._lock:
                if self._fresh:
                    self._news.set()

    async def _write(self, events: list[NewEvent]) -> None:
        tell = self._claims.tell
        writing = asyncio.to_thread(tell, self._claimed, self._done, self._total, events)
        try:
            if not await _to_its_end(writing):
                self._lost()
        except BrightfieldError as fault:
            log.warning("events of job %s are lost: %s", self._claimed.job.id, fault)

    def _events(self, now: float, last: bool = False) -> list[NewEvent]:
        """What is to be written now."""
        events: list[NewEvent] = []
        with self._lock:
            if now < self._watched_until:
                events = [("partial", data) for data in self._partials]
                self._partials.clear()
            if self._fresh and (last or now - self._written >= _EVERY):
                self._fresh, self._written = False, now
                numbers = {"done": self._done, "total": self._total}
                events.append(("progress", orjson.dumps(numbers)))
        return events


def _nothing() -> None:
    """What a job that is over does once it is another's."""


async def _to_its_end(writing: Awaitable[bool]) -> bool:
    """Await a write; a cancellation waits for it, so that nothing is written after the end."""
    task = asyncio.ensure_future(writing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise
