"""Long work behind a 202: runs as a task of the event loop, and tells its progress as events."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.responses import Response

from brightfield.api.job_queue import JobQueue
from brightfield.api.kept_requests import KeptRequests
from brightfield.api.problems import problem, unexpected
from brightfield.api.reading.received import Received
from brightfield.errors import BrightfieldError, Cancelled
from brightfield.explain.method import Step
from brightfield.frames import without_frames
from brightfield.outages import Interrupted
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket
from brightfield.store.jobs import Jobs, StoredJob, StoredReply

log = logging.getLogger(__name__)

JobWork = Callable[[Ticket, Progress], Awaitable[Response]]

# Events of one job that a late or reconnecting listener can still read.
_KEPT_EVENTS = 1000
_HEARTBEAT = 15.0
# Nothing to read for a person or a page, and yet more than a comment, which parsers swallow: so
# who waits with a limit of time of his own can look at the clock.
_ALIVE = b"retry: 1000\n\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    number: int
    kind: str
    data: bytes

    def encode(self) -> bytes:
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.number, self.kind.encode(), self.data)


@dataclass(slots=True)
class _Live:
    """A job of this process."""

    ticket: Ticket
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=_KEPT_EVENTS))
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    count: int = 0
    over: bool = False
    task: asyncio.Task[None] | None = None

    def tell(self, kind: str, data: Any) -> None:
        """Add an event and wake every listener; on the event loop's thread."""
        self.count += 1
        self.events.append(Event(self.count, kind, orjson.dumps(data)))
        self.over = kind == "end"
        happened, self.changed = self.changed, asyncio.Event()
        happened.set()


class JobRunner:
    """Runs jobs and keeps their state in the store, where it survives the process."""

    def __init__(self, store: Jobs, queue: JobQueue, kept: KeptRequests) -> None:
        self._store = store
        self._queue = queue
        self._kept = kept
        self._live: dict[str, _Live] = {}
        self._closing = threading.Event()

    def within(self, store: Jobs) -> JobRunner:
        """The same runner for the jobs of another project, which `store` keeps."""
        other = copy(self)
        other._store = store
        return other

    async def submit(
        self,
        endpoint: str,
        run: JobWork,
        release: Callable[[], None],
        again: Received | None = None,
    ) -> Response:
        """Start a job; 202 with its address. `release` is called at its end, whatever that is.

        With the request to begin it `again` the job goes on after the process has died.
        """
        try:
            job = await asyncio.to_thread(self._store.create, endpoint)
            if again is not None:
                await asyncio.to_thread(self._kept.put, job.id, again)
        except BaseException:
            release()
            raise
        self._begin(job, run, release)
        return Response(
            orjson.dumps(describe(job)), 202, {"Location": f"/jobs/{job.id}"}, "application/json"
        )

    async def recover(self) -> list[tuple[str, StoredJob]]:
        """To be called at the start: the jobs of all projects that a process which died has left
        and that can begin once more, each with its project; others have failed."""

        def recovered() -> list[tuple[str, StoredJob]]:
            self._store.recover(self._kept.ids())
            for job_id in self._kept.ids() - self._store.live():
                self._kept.drop(job_id)  # a process has died between the end and this
            return self._store.queued()

        return await asyncio.to_thread(recovered)

    async def resume(self, job: StoredJob, work_of: Callable[[str, Received], JobWork]) -> None:
        """Begin a job once more. `work_of` gives the work of an endpoint from its request."""
        received = await self._kept.again(job.id)
        if received is None:
            await asyncio.to_thread(self._store.fail, job.id, problem(_too_often(), job.id))
            self._kept.drop(job.id)
        else:
            log.info("job %s begins once more", job.id)
            self._begin(job, work_of(job.endpoint, received), _nothing)

    def _begin(self, job: StoredJob, run: JobWork, release: Callable[[], None]) -> None:
        live = self._live[job.id] = _Live(Ticket())
        live.task = asyncio.create_task(self._run(job, live, run, release))

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
        job = await asyncio.to_thread(self._store.cancel, job_id)
        live = self._live.get(job_id)
        if live is not None and live.task is not None:
            live.ticket.cancel()
            live.task.cancel()
        return job

    async def events(self, job_id: str, after: int) -> AsyncIterator[bytes]:
        """The events after number `after`, until the end; a sign of life while nothing happens."""
        live = self._live.get(job_id)
        if live is None:  # over, or of another process: the store knows the end
            job = await self.get(job_id)
            number = after + 1
            if job.over:
                yield Event(number, "end", orjson.dumps(describe(job))).encode()
            else:
                yield Event(number, "progress", orjson.dumps(_progress(job))).encode()
            return
        if after > live.count:  # counted by a process that has died
            after = 0
        while not (live.over and after >= live.count) and not self._closing.is_set():
            changed = live.changed
            for event in [event for event in live.events if event.number > after]:
                after = event.number
                yield event.encode()
            if changed is live.changed and not live.over:
                try:
                    await asyncio.wait_for(changed.wait(), _HEARTBEAT)
                except TimeoutError:
                    yield _ALIVE

    async def expire(self, ttl: float) -> None:
        """Forget jobs that ended longer ago than `ttl` seconds."""
        await asyncio.to_thread(self._store.expire, ttl)

    def hang_up(self) -> None:
        """End what listens to jobs: the service is about to stop, and a listener can come back."""
        self._closing.set()
        for live in self._live.values():
            live.changed.set()

    async def close(self, seconds: float) -> None:
        """Cancel what runs, within so many seconds; it is failed and retryable after the next
        start."""
        self._closing.set()
        tasks = [live.task for live in self._live.values() if live.task is not None]
        for live in self._live.values():
            live.ticket.cancel()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def _run(
        self, job: StoredJob, live: _Live, run: JobWork, release: Callable[[], None]
    ) -> None:
        try:
            await self._to_end(job, live, run)
        finally:
            release()
            self._live.pop(job.id, None)
            # What the end of the service cuts off begins once more at the next start.
            if not self._closing.is_set():
                await asyncio.to_thread(self._kept.drop, job.id)
            live.tell("end", describe(await self._ended(job)))

    async def _ended(self, job: StoredJob) -> StoredJob:
        """The job as it ended, or as it was if the store can't say: listeners hear of an end."""
        try:
            return await self.get(job.id)
        except BrightfieldError:
            log.exception("the end of job %s can't be read", job.id)
            return job

    async def _to_end(self, job: StoredJob, live: _Live, run: JobWork) -> None:
        try:
            async with self._queue.turn(job.endpoint):
                if not await asyncio.to_thread(self._store.start, job.id):
                    return
                response = await run(live.ticket, self._reporter(job.id, live))
            headers = dict(response.headers)
            result = StoredReply(response.status_code, headers, bytes(response.body))
            await asyncio.to_thread(self._store.finish, job.id, result)
        except (asyncio.CancelledError, Cancelled) as fault:
            without_frames(fault)
            # What a stop cuts off is failed and retryable at the next start.
            if not self._closing.is_set():
                await asyncio.to_thread(self._store.cancel, job.id)
        except BrightfieldError as fault:
            await asyncio.to_thread(self._store.fail, job.id, problem(fault, job.id))
        except GeneratorExit:
            raise
        except BaseException as fault:
            # SystemExit, too: left to the task, it would end the service.
            log.exception("job %s failed", job.id)
            without_frames(fault)
            await asyncio.to_thread(self._store.fail, job.id, problem(unexpected(), job.id))

    def _reporter(self, job_id: str, live: _Live) -> Progress:
        loop = asyncio.get_running_loop()

        def report(step: Step) -> None:
            """Called in a thread of the engine."""
            self._store.progress(job_id, step.done, step.total)
            numbers = {"done": step.done, "total": step.total}
            loop.call_soon_threadsafe(live.tell, "progress", numbers)
            if step.partial is not None:
                loop.call_soon_threadsafe(live.tell, "partial", {**numbers, **step.partial})

        return report


def _nothing() -> None:
    """What began once more holds no place of a request."""


def _too_often() -> BrightfieldError:
    return Interrupted("The service has died each time that the job ran; it isn't tried again.")


def describe(job: StoredJob) -> dict[str, Any]:
    """A job as JSON."""
    document: dict[str, Any] = {
        "id": job.id,
        "endpoint": job.endpoint,
        "state": job.state,
        "progress": _progress(job),
        "created": job.created,
        "finished": job.finished,
    }
    if job.problem is not None:
        document["problem"] = {"request_id": job.id, **job.problem}
    return document


def _progress(job: StoredJob) -> dict[str, int]:
    return {"done": job.done, "total": job.total}
