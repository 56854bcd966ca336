"""Long work: calls that answer with a job, and the calls about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import httpx2

from brightfield_client.calls.call import Call, read_json
from brightfield_client.errors import UnexpectedReply

ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True)
class JobStatus:
    """A job as the service last described it; `progress` is (done, total), 0 where unknown."""

    id: str
    endpoint: str
    state: str
    progress: tuple[int, int]
    problem: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @classmethod
    def from_json(cls, value: Any) -> JobStatus:
        try:
            problem = value.get("problem")
            return cls(
                str(value["id"]),
                str(value.get("endpoint", "")),
                str(value["state"]),
                done_and_total(value.get("progress")),
                None if problem is None else MappingProxyType(problem),
            )
        except (KeyError, TypeError, AttributeError) as fault:
            raise UnexpectedReply(f"The reply is not a job: {fault!r}.") from fault


def done_and_total(value: Any) -> tuple[int, int]:
    """`{"done", "total"}` as two numbers; 0 for what is not known."""
    value = value or {}
    return int(value.get("done") or 0), int(value.get("total") or 0)


def submitted(call: Call[Any]) -> Call[JobStatus]:
    """The same request, answered at once with a job.

    Not repeated after a broken connection, since the work could then run twice.
    """
    headers = {**call.headers, "Prefer": "respond-async"}
    return replace(call, headers=headers, read=_status, idempotent=False, deadline=False)


def job_status(job_id: str) -> Call[JobStatus]:
    return Call("GET", _path(job_id), _status)


def job_result(job_id: str, call: Call[Any]) -> Call[Any]:
    """The answer of a job, read as that of `call`."""
    return Call("GET", f"{_path(job_id)}/result", call.read, headers=call.headers)


def cancel_job(job_id: str) -> Call[None]:
    return Call("DELETE", _path(job_id), lambda _: None)


def job_events(job_id: str, last_id: str) -> Call[None]:
    """The stream of a job's events, after the one with `last_id` where there is one."""
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    return Call("GET", f"{_path(job_id)}/events", lambda _: None, headers=headers, deadline=False)


def _path(job_id: str) -> str:
    return f"/jobs/{quote(job_id, safe='')}"


def _status(response: httpx2.Response) -> JobStatus:
    return JobStatus.from_json(read_json(response))
