"""Long work: the request, its progress, and the reply that it ended with.

    queued ──> running ──> succeeded
       └──────────┴──────> failed, cancelled

No other transition happens: a job that has ended never changes, whatever arrives later.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import (
    BrightfieldError,
    Conflict,
    JobCancelled,
    JobNotFinished,
    ReplyTooLarge,
    UnknownJob,
)
from brightfield.outages import Interrupted
from brightfield.store import owner, tables
from brightfield.store.database import reading, writing
from brightfield.store.ownership import project_of

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]

LIVE: tuple[JobState, ...] = ("queued", "running")
_MAX_BODY = 900_000_000  # both databases end near 10^9 bytes a value
_PROGRESS_EVERY = 1.0  # seconds between two writes of one job's progress


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
class _Progress:
    done: int
    total: int
    written: float


_COLUMNS = [column for column in tables.jobs.columns if column.name not in ("owner", "project")]


class Jobs:
    """The jobs in a store. Every method may be called from any thread and returns when its change
    is on disk, except for `progress`, which is written once a second and otherwise kept in memory.

    `clock` gives seconds since 1970.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        self._owner = owner.this_process()
        self._progress: dict[str, _Progress] = {}  # of the jobs that run in this process
        self._lock = threading.Lock()

    def create(self, endpoint: str) -> StoredJob:
        """A new queued job for `endpoint` (as `/saliency`)."""
        job = StoredJob(f"job_{uuid.uuid4().hex}", endpoint, "queued", 0, 0, self._clock())
        with writing(self._engine) as connection:
            values = {name: getattr(job, name) for name in StoredJob.__dataclass_fields__}
            own = {"owner": self._owner, "project": project_of(connection)}
            connection.execute(sa.insert(tables.jobs).values(**own, **values))
        return job

    def start(self, job_id: str) -> bool:
        """Queued to running. False, and nothing to do for the caller, when it is not queued: it was
        cancelled in the meantime, or it already runs. Raises `UnknownJob`."""
        with writing(self._engine) as connection:
            if not _move(connection, job_id, ("queued",), state="running", owner=self._owner):
                _load(connection, job_id)
                return False
        with self._lock:
            self._progress[job_id] = _Progress(0, 0, self._clock())
        return True

    def progress(self, job_id: str, done: int, total: int) -> None:
        """`done` of `total` steps are done. Ignored unless the job runs in this process."""
        now = self._clock()
        with self._lock:
            last = self._progress.get(job_id)
            if last is None:
                return
            due = abs(now - last.written) >= _PROGRESS_EVERY
            self._progress[job_id] = _Progress(done, total, now if due else last.written)
        if due:
            with writing(self._engine) as connection:
                _move(connection, job_id, ("running",), done=done, total=total)

    def finish(self, job_id: str, result: StoredReply) -> StoredJob:
        """Running to succeeded, with its reply. A job that is over already stays as it is.

        Raises `UnknownJob`, `Conflict` when it was never started, and `ReplyTooLarge` over 900 MB;
        after the last the job runs still, for the caller to `fail` it.
        """
        if len(result.body) > _MAX_BODY:
            raise ReplyTooLarge(
                f"The result has {len(result.body)} bytes, more than the {_MAX_BODY} that a job "
                "can keep; ask for fewer images at once or a smaller format."
            )
        with writing(self._engine) as connection:
            if self._end(connection, job_id, ("running",), state="succeeded"):
                values = {"headers": dict(result.headers), "body": result.body}
                insert = sa.insert(tables.job_results)
                connection.execute(insert.values(job=job_id, status=result.status, **values))
            job = _load(connection, job_id)
        if job.state == "queued":
            raise Conflict(f"The job {job_id} was never started; start it before it finishes.")
        self._forget(job_id)
        return job

    def fail(self, job_id: str, problem: Mapping[str, Any]) -> StoredJob:
        """Queued or running to failed, with the problem (RFC 9457, JSON types only) that ended it.

        A job that is over already stays as it is. Raises `UnknownJob`.
        """
        return self._close(job_id, state="failed", problem=dict(problem))

    def cancel(self, job_id: str) -> StoredJob:
        """Queued or running to cancelled. A job that is over already stays as it is.

        Raises `UnknownJob`. Whoever runs the job has to look at its state; a `finish` that comes
        later is ignored.
        """
        return self._close(job_id, state="cancelled")

    def get(self, job_id: str) -> StoredJob:
        """The job as it stands, to the last `progress` of this process. Raises `UnknownJob`."""
        with reading(self._engine) as connection:
            job = _load(connection, job_id)
        with self._lock:
            last = self._progress.get(job_id)
        if last is None or job.state != "running":
            return job
        return replace(job, done=last.done, total=last.total)

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

    def recover(self, kept: Collection[str] = ()) -> int:
        """To be called at the start: what a stopped process left queued or running has failed, with
        a retryable problem of code `interrupted`. The number of such jobs. Those whose requests are
        `kept`, by their ids, are queued again for this process instead.

        Jobs of another process that is alive on this machine are left to it; on several machines,
        each service needs a store of its own.
        """
        jobs = tables.jobs
        problem = outline(
            Interrupted("The service was stopped while the job waited or ran; post it again.")
        )
        with writing(self._engine) as connection:
            live = jobs.c.state.in_(LIVE)
            owners = connection.scalars(sa.select(jobs.c.owner).where(live).distinct()).all()
            gone = [name for name in owners if not owner.is_another_living(name)]
            left = sa.update(jobs).where(live, jobs.c.owner.in_(gone))
            values = {"state": "failed", "finished": self._clock(), "problem": problem}
            lost = left.where(jobs.c.id.not_in(kept)).values(**values)
            count = connection.execute(lost).rowcount
            waits = {"state": "queued", "owner": self._owner, "done": 0, "total": 0}
            connection.execute(left.where(jobs.c.id.in_(kept)).values(**waits))
        with self._lock:
            self._progress.clear()
        return count

    def queued(self) -> list[tuple[str, StoredJob]]:
        """The jobs of all projects that wait for this process, each with its project, in the order
        in which they were made."""
        jobs = tables.jobs
        mine = (jobs.c.state == "queued") & (jobs.c.owner == self._owner)
        found = sa.select(jobs.c.project, *_COLUMNS).where(mine).order_by(jobs.c.created)
        with reading(self._engine) as connection:
            rows = [dict(row._mapping) for row in connection.execute(found)]
        return [(row.pop("project"), StoredJob(**row)) for row in rows]

    def live(self) -> set[str]:
        """The ids of the jobs of all projects and processes that wait or run."""
        jobs = tables.jobs
        with reading(self._engine) as connection:
            return set(connection.scalars(sa.select(jobs.c.id).where(jobs.c.state.in_(LIVE))))

    def expire(self, ttl: float) -> int:
        """Deletes the jobs that were over `ttl` seconds ago or earlier, with their results.

        The number deleted. Jobs that wait or run never expire.
        """
        old = tables.jobs.c.finished <= self._clock() - ttl
        with writing(self._engine) as connection:
            return connection.execute(sa.delete(tables.jobs).where(old)).rowcount

    def _close(self, job_id: str, **values: Any) -> StoredJob:
        with writing(self._engine) as connection:
            self._end(connection, job_id, LIVE, **values)
            job = _load(connection, job_id)
        self._forget(job_id)
        return job

    def _end(
        self, connection: Connection, job_id: str, before: tuple[JobState, ...], **values: Any
    ) -> bool:
        with self._lock:
            last = self._progress.get(job_id)
        if last is not None:
            values |= {"done": last.done, "total": last.total}
        return _move(connection, job_id, before, finished=self._clock(), **values)

    def _forget(self, job_id: str) -> None:
        with self._lock:
            self._progress.pop(job_id, None)


def _move(connection: Connection, job_id: str, before: tuple[JobState, ...], **values: Any) -> bool:
    """Change the job if its state is one of `before`, in one statement: only one of two wins."""
    jobs = tables.jobs
    own = jobs.c.id == job_id, jobs.c.project == project_of(connection)
    change = sa.update(jobs).where(*own, jobs.c.state.in_(before)).values(**values)
    return connection.execute(change).rowcount == 1


def _load(connection: Connection, job_id: str) -> StoredJob:
    jobs = tables.jobs
    own = jobs.c.id == job_id, jobs.c.project == project_of(connection)
    row = connection.execute(sa.select(*_COLUMNS).where(*own)).one_or_none()
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
