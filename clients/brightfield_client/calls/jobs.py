"""Long work: calls that answer with a job, and the calls about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from brightfield_client.calls.call import Call, path_of
from brightfield_client.calls.reading import nothing, one
from brightfield_client.results.value import Value, at

T = TypeVar("T")
_JOB = "/jobs/{}"
ENDED = frozenset({"succeeded", "failed", "cancelled"})


def done_and_total(value: Any) -> tuple[int, int]:
    """`{"done", "total"}` as two numbers; 0 for what is not known."""
    value = value or {}
    return int(value.get("done") or 0), int(value.get("total") or 0)


@dataclass(frozen=True, kw_only=True)
class JobStatus(Value):
    """A job as the service last described it; `progress` is (done, total), 0 where unknown."""

    id: str
    state: str
    endpoint: str = ""
    progress: tuple[int, int] = at(read=done_and_total, default=(0, 0))
    problem: Mapping[str, Any] | None = at(default=None, repr=False)

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def submitted(call: Call[Any]) -> Call[JobStatus]:
    """The same request, answered at once with a job.

    Not repeated after a broken connection, since the work could then run twice.
    """
    headers = {**call.headers, "Prefer": "respond-async"}
    return replace(call, headers=headers, read=one(JobStatus), idempotent=False, deadline=False)


def job_status(job_id: str) -> Call[JobStatus]:
    return Call("GET", path_of(_JOB, job_id), one(JobStatus))


def job_result(job_id: str, call: Call[T]) -> Call[T]:
    """The answer of a job, read as that of `call`."""
    return Call("GET", path_of(f"{_JOB}/result", job_id), call.read, headers=call.headers)


def cancel_job(job_id: str) -> Call[None]:
    return Call("DELETE", path_of(_JOB, job_id), nothing)


def job_events(job_id: str, last_id: str) -> Call[None]:
    """The stream of a job's events, after the one with `last_id` where there is one."""
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    path = path_of(f"{_JOB}/events", job_id)
    return Call("GET", path, nothing, headers=headers, deadline=False)
