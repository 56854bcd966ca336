"""A job at the service, for `AsyncClient`."""

# ruff: noqa: ASYNC109 - the same surface as Job; `asyncio.timeout` works as well

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from brightfield_client.calls.call import Call
from brightfield_client.calls.jobs import JobStatus, cancel_job, job_result, job_status
from brightfield_client.following import LOST, Following, JobEvent
from brightfield_client.job import JobHandle, OnProgress
from brightfield_client.progress import ProgressBar

if TYPE_CHECKING:
    from brightfield_client.async_client import AsyncClient


class AsyncJob(JobHandle):
    """A job that the service works on; made by `AsyncClient.submit`. See `Job`."""

    def __init__(self, client: AsyncClient, call: Call[Any], status: JobStatus) -> None:
        super().__init__(call, status)
        self._client = client

    async def refresh(self) -> JobStatus:
        """Ask the service for the state."""
        self._status = await self._client.run(job_status(self.id))
        return self._status

    async def wait(
        self, *, progress: bool | OnProgress = False, timeout: float | None = None
    ) -> AsyncJob:
        """Wait for the end, whatever it is; see `Job.wait`."""
        with ProgressBar(self.id, shown=progress is True) as bar:
            tell = progress if callable(progress) else bar.update
            async with aclosing(self.events(timeout=timeout)) as events:
                async for event in events:
                    if event.kind == "progress":
                        tell(*event.progress)
        await self.refresh()
        return self

    async def result(self, *, timeout: float | None = None) -> Any:
        """Wait for the answer; see `Job.result`."""
        if not self._status.ended:
            await self.wait(timeout=timeout)
        return await self._client.run(job_result(self.id, self._call))

    async def cancel(self) -> None:
        """Stop the job."""
        await self._client.run(cancel_job(self.id))
        await self.refresh()

    async def events(self, *, timeout: float | None = None) -> AsyncGenerator[JobEvent, None]:
        """The job's events (progress, partial, end) as they happen; see `Job.events`."""
        following = Following(self.id, self._client.policy, timeout)
        while not following.ended:
            fault: Exception | None = None
            async with aclosing(
                self._client.stream(following.open(), following.patience())
            ) as chunks:
                try:
                    async for chunk in chunks:
                        for event in following.events(chunk):
                            yield event
                        if following.ended:
                            return
                except LOST as broken:
                    fault = broken
            await self._client.pause(following.lost(fault))
