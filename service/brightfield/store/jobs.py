"""Long work: the request, its progress, and the reply that it ended with.

    queued <──> running ──> succeeded
       └───────────┴──────> failed, cancelled

A job that runs is queued again when its process ends. A job that has ended never changes, whatever
arrives later. This is the side of those who ask; `job_claims` is that of the replicas that run.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import BrightfieldError, JobCancelled, JobNotFinished, UnknownJob
from brightfield.store import tables
from brightfield.store.channel import Channel, Topic
from brightfield.store.database import reading, writing
from brightfield.store.ownership import project_of

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]

LIVE: tuple[JobState, ...] = ("queued", "running")
NOBODY = ""
"""The owner of a job that waits."""


@dataclass(frozen=True)
class StoredJob:
    """A job as it stands. Times are seconds since 1970; `problem` is set when it has failed."""

    id: str
    endpoint: str
    state: JobState
    done: int
    total: int
    created: float
    finished: float | None = None
    problem: Mapping[str, Any] | None = None

    @property
    def over(self) -> bool:
        return self.state not in LIVE


@dataclass(frozen=True)
class StoredReply:
    """A reply as it would have been sent at once: status, headers, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class StoredRequest:
    """A request as it came, without what says who asked."""

    method: str
    path: str
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    request_id: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class JobEvent:
    """One event of a job; `data` is JSON."""

    number: int
    kind: str
    data: bytes


@dataclass(frozen=True)
class JobNews:
    """A job and its newer events at one moment. `told` is the number of the newest event, which of
    a job that is over is its end, which isn't among `events`."""

    job: StoredJob
    told: int
    events: Sequence[JobEvent]


JOB_COLUMNS = [tables.jobs.c[name] for name in StoredJob.__dataclass_fields__]


class Jobs:
    """The jobs in a store. Every method may be called from any thread and returns when its change
    is on disk.

    `clock` gives seconds since 1970.
    """

    def __init__(
        self, engine: Engine, channel: Channel, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._channel = channel
        self._clock = clock

    def create(
        self, job_id: str, endpoint: str, request: StoredRequest, models: Collection[str] = ()
    ) -> StoredJob:
        """A new queued job for `endpoint` (as `/saliency`), with the request to begin it by, and
        the ids of the models that it needs.

        Jobs whose endpoints end alike wait in one line: those of `/collections/a/items` and
        `/collections/b/items`.
        """
        job = StoredJob(job_id, endpoint, "queued", 0, 0, self._clock())
        values = {name: getattr(job, name) for name in StoredJob.__dataclass_fields__}
        with writing(self._engine) as connection:
            own = {"owner": NOBODY, "project": project_of(connection), "line": line_of(endpoint)}
            connection.execute(sa.insert(tables.jobs).values(**own, **values))
            kept = {**asdict(request), "headers": [list(pair) for pair in request.headers]}
            needed = [{"job": job.id, "model": model} for model in set(models)]
            connection.execute(sa.insert(tables.job_requests).values(job=job.id, **kept))
            if needed:
                connection.execute(sa.insert(tables.job_models), needed)
            self._channel.post(connection, ("queued", job.id))
        return job

    def cancel(self, job_id: str) -> StoredJob:
        """Queued or running to cancelled. A job that is over already stays as it is.

        Raises `UnknownJob`. Whoever runs the job hears of it; a result that comes later is dropped.
        """
        jobs = tables.jobs
        with writing(self._engine) as connection:
            own = jobs.c.id == job_id, jobs.c.project == project_of(connection)
            if end(connection, self._channel, *own, state="cancelled", finished=self._clock()):
                self._channel.post(connection, ("cancelled", job_id))
            return _load(connection, job_id)

    def get(self, job_id: str) -> StoredJob:
        """The job as it stands. Raises `UnknownJob`."""
        with reading(self._engine) as connection:
            return _load(connection, job_id)

    def news(self, job_id: str, after: int) -> JobNews:
        """The job and its events after number `after`; all, if there is none of that number yet.

        Raises `UnknownJob`.
        """
        table = tables.job_events
        with reading(self._engine) as connection:
            job = _load(connection, job_id)
            told: int = connection.execute(
                sa.select(tables.jobs.c.told).where(tables.jobs.c.id == job_id)
            ).scalar_one()
            newer = table.c.number > (after if after <= told else 0)
            query = sa.select(table.c.number, table.c.kind, table.c.data)
            rows = connection.execute(
                query.where(table.c.job == job_id, newer).order_by(table.c.number)
            )
            return JobNews(job, told, [JobEvent(*row) for row in rows])

    def result(self, job_id: str) -> StoredReply:
        """The reply of a job that is over: what it ended with, or its problem if it failed.

        Raises `UnknownJob`, `JobNotFinished` while it is queued or runs, `JobCancelled`.
        """
        with reading(self._engine) as connection:
            job = _load(connection, job_id)
            if job.state == "succeeded":
                found = tables.job_results
                query = sa.select(found.c.status, found.c.headers, found.c.body)
                row = connection.execute(query.where(found.c.job == job_id)).one()
                return StoredReply(row.status, row.headers, row.body)
        if job.problem is not None:
            problem = {"request_id": job_id, **job.problem}
            body = json.dumps(problem, ensure_ascii=False).encode()
            headers = {"content-type": "application/problem+json"}
            return StoredReply(int(job.problem.get("status", 500)), headers, body)
        if job.state == "cancelled":
            raise JobCancelled(f"The job {job_id} was cancelled; post the request again.")
        raise JobNotFinished(
            f"The job {job_id} is {job.state}; ask again when its state is succeeded.",
            retry_after=1.0,
        )

    def over(self, job_ids: Sequence[str]) -> set[str]:
        """Those of these jobs, of all projects, that wait and run no more."""
        jobs = tables.jobs
        live = sa.select(jobs.c.id).where(jobs.c.id.in_(job_ids), jobs.c.state.in_(LIVE))
        with reading(self._engine) as connection:
            return set(job_ids) - set(connection.scalars(live))

    def expire(self, ttl: float) -> int:
        """Deletes the jobs that were over `ttl` seconds ago or earlier, with their results.

        The number deleted. Jobs that wait or run never expire.
        """
        old = tables.jobs.c.finished <= self._clock() - ttl
        with writing(self._engine) as connection:
            return connection.execute(sa.delete(tables.jobs).where(old)).rowcount


def new_job_id() -> str:
    """An id that no other job has."""
    return f"job_{uuid.uuid4().hex}"


def line_of(endpoint: str) -> str:
    """The line in which a job of an endpoint waits."""
    return endpoint.rpartition("/")[2]


def end(
    connection: Connection, channel: Channel, *where: sa.ColumnElement[bool], **values: Any
) -> list[str]:
    """Let live jobs end, in one statement, so only one of two ends a job; the ids of those that
    it ended. Their end is their last event, and their requests are no longer needed."""
    jobs, requests = tables.jobs, tables.job_requests
    change = sa.update(jobs).where(*where, jobs.c.state.in_(LIVE))
    moved = change.values(**values, owner=NOBODY, told=jobs.c.told + 1).returning(jobs.c.id)
    ended = list(connection.scalars(moved))
    if ended:
        connection.execute(sa.delete(requests).where(requests.c.job.in_(ended)))
        topics: tuple[Topic, ...] = ("news", "over")
        channel.post(connection, *((topic, job_id) for job_id in ended for topic in topics))
    return ended


def _load(connection: Connection, job_id: str) -> StoredJob:
    jobs = tables.jobs
    own = jobs.c.id == job_id, jobs.c.project == project_of(connection)
    row = connection.execute(sa.select(*JOB_COLUMNS).where(*own)).one_or_none()
    if row is None:
        raise UnknownJob("There is no such job, or it has expired; post the request again.")
    return StoredJob(**row._mapping)


def outline(error: BrightfieldError) -> dict[str, Any]:
    """The problem that a job keeps of an error."""
    return {
        "type": f"urn:brightfield:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "retryable": error.retryable,
    }
