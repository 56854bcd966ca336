"""Jobs as callers see them: accepted with a 202, asked about, listened to, cancelled.

Who runs a job is another matter (`worker`): it may be another process on another machine.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import suppress
from copy import copy
from typing import Any

import orjson
from starlette.responses import Response

from brightfield.api.jobs.news import JobWaiters
from brightfield.errors import BrightfieldError
from brightfield.outages import StoreUnavailable
from brightfield.store.channel import Channel
from brightfield.store.jobs import JobEvent, JobNews, Jobs, StoredJob, StoredRequest, new_job_id

_HEARTBEAT = 15.0
# Nothing to read for a person or a page, and yet more than a comment, which parsers swallow: so
# who waits with a limit of time of his own can look at the clock.
_ALIVE = b"retry: 1000\n\n"


class JobRunner:
    """The jobs of a project. `look` is how often, in seconds, the store is looked at where no
    notice comes."""

    def __init__(self, store: Jobs, channel: Channel, waiters: JobWaiters, look: float) -> None:
        self._store = store
        self.channel = channel
        self._waiters = waiters
        self._look = look
        self._held: dict[str, Callable[[], None]] = {}
        self._closing = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._end = channel.hear("over", self._hear_end)
        self._keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Give back the places of jobs that have ended from now on, also if a notice was lost."""
        self._keeping = asyncio.create_task(self._keep())

    def within(self, store: Jobs) -> JobRunner:
        """The same runner for the jobs of another project, which `store` keeps."""
        other = copy(self)
        other._store = store
        return other

    async def submit(
        self,
        endpoint: str,
        request: StoredRequest,
        models: Collection[str],
        release: Callable[[], None],
    ) -> Response:
        """Accept a job that needs these models; 202 with its address. `release` is called at its
        end, whatever that is.

        What was answered with 202 ends, whatever becomes of this process.
        """
        job_id = new_job_id()
        self._held[job_id] = release  # before it can end
        try:
            create = self._store.create
            job = await asyncio.to_thread(create, job_id, endpoint, request, models)
        except BaseException:
            self._release(job_id)
            raise
        return Response(
            orjson.dumps(describe(job)), 202, {"Location": f"/jobs/{job.id}"}, "application/json"
        )

    async def get(self, job_id: str) -> StoredJob:
        return await asyncio.to_thread(self._store.get, job_id)

    async def result(self, job_id: str) -> Response:
        """Exactly the reply that would have been sent at once."""
        result = await asyncio.to_thread(self._store.result, job_id)
        response = Response(result.body, result.status)
        response.raw_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in result.headers.items()
        ]
        return response

    async def cancel(self, job_id: str) -> StoredJob:
        """Cancel a job; one that is over stays as it is."""
        return await asyncio.to_thread(self._store.cancel, job_id)

    async def events(self, job_id: str, after: int) -> AsyncIterator[bytes]:
        """The events after number `after`, until the end; a comment while nothing happens."""
        spoken, pause = time.monotonic(), _Every(self._look)
        with self._waiters.of(job_id) as happened:
            while not self._closing.is_set():
                happened.clear()
                news = await asyncio.to_thread(self._look_at, job_id, after, pause.over)
                if news is not None:
                    after = after if after <= news.told else 0
                    for event in news.events:
                        after, spoken = event.number, time.monotonic()
                        yield encoded(event)
                    if news.job.over:
                        data = orjson.dumps(describe(news.job))
                        yield encoded(JobEvent(news.told, "end", data))
                        return
                await self._wait(happened)
                if time.monotonic() - spoken >= _HEARTBEAT:
                    spoken = time.monotonic()
                    yield _ALIVE

    def _look_at(self, job_id: str, after: int, say: bool) -> JobNews | None:
        """What is new, after saying, where `say` is set, that somebody listens; None while the
        store doesn't answer, which a stream outlives."""
        try:
            if say:
                self.channel.tell("watched", job_id)
            return self._store.news(job_id, after)
        except StoreUnavailable:
            return None

    async def expire(self, ttl: float) -> None:
        """Forget jobs that ended longer ago than `ttl` seconds."""
        await asyncio.to_thread(self._store.expire, ttl)

    def hang_up(self) -> None:
        """End what listens to jobs: the service is about to stop, and a listener can come back."""
        self._closing.set()
        self._waiters.wake()

    def close(self) -> None:
        self.hang_up()
        self._end()
        if self._keeping is not None:
            self._keeping.cancel()
        for job_id in list(self._held):
            self._release(job_id)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._look)
            held = list(self._held)
            with suppress(BrightfieldError):  # the store is away, and asked again
                for job_id in await asyncio.to_thread(self._store.over, held) if held else ():
                    self._release(job_id)

    async def _wait(self, happened: asyncio.Event) -> None:
        try:
            await asyncio.wait_for(happened.wait(), self._look)
        except TimeoutError:
            return

    def _hear_end(self, job_id: str | None) -> None:
        if job_id is not None and job_id in self._held:
            self._loop.call_soon_threadsafe(self._release, job_id)

    def _release(self, job_id: str) -> None:
        release = self._held.pop(job_id, None)
        if release is not None:
            release()


class _Every:
    """Tells, when it is asked, whether so many seconds are over since it last said so."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = -math.inf

    @property
    def over(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


def encoded(event: JobEvent) -> bytes:
    """One server-sent event."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.number, event.kind.encode(), event.data)


def describe(job: StoredJob) -> dict[str, Any]:
    """A job as JSON."""
    document: dict[str, Any] = {
        "id": job.id,
        "endpoint": job.endpoint,
        "state": job.state,
        "progress": {"done": job.done, "total": job.total},
        "created": job.created,
        "finished": job.finished,
    }
    if job.problem is not None:
        document["problem"] = {"request_id": job.id, **job.problem}
    return document
