"""Wakes the tasks that wait for news of a job, whichever thread hears of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from brightfield.store.channel import Channel


class JobWaiters:
    """Tasks of one event loop that wait for news of jobs. Made on the loop's thread."""

    def __init__(self, channel: Channel) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._end = channel.hear("news", self._hear)

    @contextmanager
    def of(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at each news of the job; whoever waits clears it."""
        event = asyncio.Event()
        self._waiting[job_id].add(event)
        try:
            yield event
        finally:
            self._waiting[job_id].discard(event)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    def wake(self, job_id: str | None = None) -> None:
        """Wake those who wait for news of a job, or all; on the loop's thread."""
        chosen = list(self._waiting) if job_id is None else [job_id]
        for each in chosen:
            for event in self._waiting.get(each, ()):
                event.set()

    def close(self) -> None:
        self._end()

    def _hear(self, job_id: str | None) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.wake, job_id)
