"""The jobs that this replica runs: claimed one by one, told of while they run, ended in the store.

Each of its tasks awaits the store in threads, so no event waits for a disk on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from starlette.responses import Response

from brightfield.api.jobs.telling import Telling
from brightfield.api.logs import request_id as current_request_id
from brightfield.api.problems import problem, unexpected
from brightfield.errors import BrightfieldError, Cancelled
from brightfield.frames import without_frames
from brightfield.outages import StoreUnavailable
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket
from brightfield.store.channel import Channel
from brightfield.store.job_claims import ClaimedJob, JobClaims
from brightfield.store.jobs import StoredReply

log = logging.getLogger(__name__)

JobWork = Callable[[Ticket, Progress], Awaitable[Response]]
WorkOf = Callable[[ClaimedJob], Awaitable[JobWork]]
"""The work of a job, from its request. Raises as understanding the request does."""


class JobWorker:
    """Claims jobs while it has room: `at_once` of each line run at the same time.

    Made on the loop's thread. `look` is how often, in seconds, the store is looked at where no
    notice comes.
    """

    def __init__(
        self, claims: JobClaims, channel: Channel, work_of: WorkOf, at_once: int, look: float
    ) -> None:
        self._claims = claims
        self._work_of = work_of
        self._at_once = at_once
        self._look = look
        self._loop = asyncio.get_running_loop()
        self.running: dict[str, _Running] = {}
        """The jobs that run here, by their ids."""
        self._watched: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._wanted = asyncio.Event()
        self._claiming: asyncio.Task[None] | None = None
        self._ends = [
            channel.hear("queued", self._on_loop(lambda _: self._wanted.set())),
            channel.hear("cancelled", self._on_loop(self._cancelled)),
            channel.hear("watched", self._on_loop(self._heed_listener)),
        ]

    def start(self) -> None:
        """Claim jobs from now on."""
        self._claiming = asyncio.create_task(self._claim_all())

    async def close(self, seconds: float) -> None:
        """Cancel what runs, within so many seconds, and hand it back: another replica goes on with
        it, or this one when it is started again."""
        self._closing = True
        for end in self._ends:
            end()
        if self._claiming is not None:
            self._claiming.cancel()
            with suppress(asyncio.CancelledError):
                await self._claiming
        for each in list(self.running.values()):
            each.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        with suppress(BrightfieldError):  # those whose lease ends are taken back, too
            await asyncio.to_thread(self._claims.hand_back)

    async def _claim_all(self) -> None:
        while True:
            self._wanted.clear()
            try:
                while claimed := await asyncio.to_thread(self._claims.claim, self._full()):
                    self._begin(claimed)
                await self._drop_lost()
            except Exception as fault:  # whatever it is, jobs are to be run again
                log.warning("jobs can't be claimed, this is tried again: %s", fault)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), self._look)

    def _full(self) -> list[str]:
        lines = Counter(each.claimed.line for each in self.running.values())
        return [line for line, count in lines.items() if count >= self._at_once]

    async def _drop_lost(self) -> None:
        """End what was cancelled without our hearing of it, or is another's now."""
        claims = [each.claimed for each in self.running.values()]
        if claims:
            for each in await asyncio.to_thread(self._claims.lost, claims):
                self.cancel(each.job.id)

    def _begin(self, claimed: ClaimedJob) -> None:
        if claimed.attempt > 1:
            log.info("job %s begins once more", claimed.job.id)
        running = self.running[claimed.job.id] = _Running(claimed, self._claims)
        running.telling.watched(self._watched.get(claimed.job.id, 0.0))
        task = running.task = asyncio.create_task(self._run(running))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _cancelled(self, job_id: str | None) -> None:
        if job_id is None:
            self._wanted.set()  # looks for lost jobs, too
        else:
            self.cancel(job_id)

    def cancel(self, job_id: str) -> None:
        """End a job that runs here; on the loop's thread."""
        if job_id in self.running:
            self.running[job_id].cancel()

    def _heed_listener(self, job_id: str | None) -> None:
        """Somebody listens to a job, which may run here, now or soon."""
        now = time.monotonic()
        self._watched = {name: until for name, until in self._watched.items() if until > now}
        if job_id is not None:
            self._watched[job_id] = now + 2.5 * self._look
            if job_id in self.running:
                self.running[job_id].telling.watched(self._watched[job_id])

    async def _run(self, running: _Running) -> None:
        claimed = running.claimed
        current_request_id.set(claimed.request.request_id)
        try:
            await self._to_end(running)
        except BrightfieldError:
            # The store doesn't take the end. When the lease is over somebody begins once more.
            log.exception("the end of job %s can't be kept", claimed.job.id)
        finally:
            self.running.pop(claimed.job.id, None)
            self._wanted.set()

    async def _to_end(self, running: _Running) -> None:
        claims, claimed, telling = self._claims, running.claimed, running.telling
        try:
            async with telling:
                run = await self._work_of(claimed)
                response = await run(running.ticket, telling.report)
            headers = dict(response.headers)
            reply = StoredReply(response.status_code, headers, bytes(response.body))
            await self._kept(partial(claims.finish, claimed, reply, *telling.rest()))
        except (asyncio.CancelledError, Cancelled) as fault:
            without_frames(fault)
            if not self._closing:
                await asyncio.to_thread(claims.cancel, claimed)
        except BrightfieldError as fault:
            without_frames(fault)
            await self._kept(partial(claims.fail, claimed, problem(fault, claimed.job.id)))
        except GeneratorExit:
            raise
        except BaseException as fault:
            # SystemExit, too: left to the task, it would end the service.
            log.exception("job %s failed", claimed.job.id)
            without_frames(fault)
            await self._kept(partial(claims.fail, claimed, problem(unexpected(), claimed.job.id)))

    async def _kept(self, end: Callable[[], bool]) -> None:
        """Write how a job has ended; a store that is away for a while is waited for."""
        while True:
            try:
                await asyncio.to_thread(end)
                return
            except StoreUnavailable as fault:
                if not fault.retryable or self._closing:
                    raise
                log.warning("the end of a job can't be kept yet: %s", fault)
            await asyncio.sleep(self._look)

    def _on_loop(self, hear: Callable[[str | None], None]) -> Callable[[str | None], None]:
        def heard(words: str | None) -> None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(hear, words)

        return heard


class _Running:
    """A job that runs here."""

    def __init__(self, claimed: ClaimedJob, claims: JobClaims) -> None:
        self.claimed = claimed
        self.ticket = Ticket()
        self.telling = Telling(claimed, claims, self.cancel)
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        self.ticket.cancel()
        if self.task is not None:
            self.task.cancel()
