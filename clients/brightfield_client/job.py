"""A job at the service, for `Client`."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from brightfield_client.calls.call import Call
from brightfield_client.calls.jobs import JobStatus, cancel_job, job_result, job_status
from brightfield_client.following import LOST, Following, JobEvent
from brightfield_client.progress import ProgressBar

if TYPE_CHECKING:
    from brightfield_client.client import Client

OnProgress = Callable[[int, int], object]  # done, total


class JobHandle:
    """What is known of a job without asking: `state` and `progress` are of the last look."""

    def __init__(self, call: Call[Any], status: JobStatus) -> None:
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

    def __repr__(self) -> str:
        done, total = self.progress
        return f"{type(self).__name__}({self.id!r}, {self.state}, {done}/{total})"


class Job(JobHandle):
    """A job that the service works on; made by `Client.submit`."""

    def __init__(self, client: Client, call: Call[Any], status: JobStatus) -> None:
        super().__init__(call, status)
        self._client = client

    def refresh(self) -> JobStatus:
        """Ask the service for the state."""
        self._status = self._client.run(job_status(self.id))
        return self._status

    def wait(self, *, progress: bool | OnProgress = False, timeout: float | None = None) -> Job:
        """Wait for the end, whatever it is.

        `progress=True` draws a bar on a terminal; a function is called with (done, total).
        Raises `TimedOut` after `timeout` seconds; the job goes on.
        """
        with ProgressBar(self.id, shown=progress is True) as bar:
            tell = progress if callable(progress) else bar.update
            with closing(self.events(timeout=timeout)) as events:
                for event in events:
                    if event.kind == "progress":
                        tell(*event.progress)
        self.refresh()
        return self

    def result(self, *, timeout: float | None = None) -> Any:
        """Wait for the answer: what the same call without `submit` would have returned.

        Raises what that call would have raised, for a job that failed or was cancelled.
        """
        if not self._status.ended:
            self.wait(timeout=timeout)
        return self._client.run(job_result(self.id, self._call))

    def cancel(self) -> None:
        """Stop the job."""
        self._client.run(cancel_job(self.id))
        self.refresh()

    def events(self, *, timeout: float | None = None) -> Generator[JobEvent, None, None]:
        """The job's events (progress, partial, end) as they happen.

        After a broken connection it goes on behind the last event that arrived.
        """
        following = Following(self.id, self._client.policy, timeout)
        while not following.ended:
            fault: Exception | None = None
            stream = self._client.stream(following.open(), following.patience())
            with closing(stream) as chunks:
                try:
                    for chunk in chunks:
                        yield from following.events(chunk)
                        if following.ended:
                            return
                except LOST as broken:
                    fault = broken
            self._client.pause(following.lost(fault))
