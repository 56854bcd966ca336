"""A job at the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

from brightfield_client.async_driving import aclosing, linked
from brightfield_client.async_sender import AsyncSender
from brightfield_client.calls.call import Call
from brightfield_client.calls.jobs import JobStatus, cancel_job, job_result, job_status
from brightfield_client.errors import TimedOut
from brightfield_client.following import LOST, Following, JobEvent
from brightfield_client.progress import ProgressBar

T = TypeVar("T")
OnProgress = Callable[[int, int], object]  # done, total


class AsyncJob(Generic[T]):
    """A job that the service works on; made by `AsyncClient.submit`.

    `state` and `progress` are of the last look.
    """

    def __init__(self, client: AsyncSender, call: Call[T], status: JobStatus) -> None:
        self._client = client
        self._call = call
        self._status = status

    @property
    def id(self) -> str:
        return self._status.id

    @property
    def state(self) -> str:
        """queued, running, succeeded, failed or cancelled."""
        return self._status.state

    @property
    def progress(self) -> tuple[int, int]:
        """(done, total) steps; 0 where unknown."""
        return self._status.progress

    @property
    def status(self) -> JobStatus:
        return self._status

    async def refresh(self) -> JobStatus:
        """Ask the service for the state."""
        self._status = await self._client.run(job_status(self.id))
        return self._status

    async def wait(
        self,
        *,
        progress: bool | OnProgress = False,
        timeout: float | None = None,  # noqa: ASYNC109 - as in Job
    ) -> AsyncJob[T]:
        """Wait for the end, whatever it is.

        `progress=True` draws a bar on a terminal; a function is called with (done, total).
        Raises `TimedOut` after `timeout` seconds; the job goes on.
        """
        with ProgressBar(self.id, shown=progress is True) as bar:
            tell = progress if callable(progress) else bar.reached
            async with aclosing(self.events(timeout=timeout)) as events:
                async for event in events:
                    if event.kind == "progress":
                        tell(*event.progress)
        await self.refresh()
        return self

    async def result(self, *, timeout: float | None = None) -> T:  # noqa: ASYNC109 - as in Job
        """Wait for the answer: what the same call without `submit` would have returned.

        Raises what that call would have raised, for a job that failed or was cancelled.
        """
        if not self._status.ended:
            await self.wait(timeout=timeout)
        answer = await self._client.run(job_result(self.id, self._call))
        return linked(answer, self._call, self._client.run)

    async def finish(self, *, timeout: float | None = None) -> T:  # noqa: ASYNC109 - as in Job
        """`result`, with a bar on a terminal; leaving the wait, or its end, cancels the job."""
        try:
            await self.wait(progress=True, timeout=timeout)
        except (asyncio.CancelledError, TimedOut):
            await self.cancel()
            raise
        return await self.result()

    async def cancel(self) -> None:
        """Stop the job."""
        await self._client.run(cancel_job(self.id))
        await self.refresh()

    async def events(self, *, timeout: float | None = None) -> AsyncGenerator[JobEvent, None]:  # noqa: ASYNC109 - as in Job
        """The job's events (progress, partial, end) as they happen.

        After a broken connection it goes on behind the last event that arrived.
        """
        following = Following(self.id, self._client.policy, timeout)
        while not following.ended:
            fault: Exception | None = None
            stream = self._client.stream(following.open(), following.patience())
            async with aclosing(stream) as said:
                try:
                    async for each in said:
                        if (event := following.seen(each)) is not None:
                            yield event
                        if following.ended:
                            return
                        following.patience()
                except LOST as broken:
                    fault = broken
            await self._client.pause(following.lost(fault))

    def __repr__(self) -> str:
        done, total = self.progress
        return f"{type(self).__name__}({self.id!r}, {self.state}, {done}/{total})"
