"""Who runs a job: a replica claims it, tells of it, ends it; another claims it if the first dies.

Each change of a running job names its owner and the attempt. So what a replica does that was
thought dead (it was slow, or its machine was cut off) is dropped once another has the job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import ReplyTooLarge
from brightfield.outages import Interrupted
from brightfield.store import tables
from brightfield.store.channel import Channel
from brightfield.store.database import reading, relaxed, writing
from brightfield.store.jobs import (
    JOB_COLUMNS,
    LIVE,
    NOBODY,
    StoredJob,
    StoredReply,
    StoredRequest,
    end,
    outline,
)
from brightfield.store.replicas import Replicas

MOST_ATTEMPTS = 3
"""So often a job is begun: one that ended the process each time must not end it for ever."""

_MAX_BODY = 900_000_000  # both databases end near 10^9 bytes a value
_KEPT_EVENTS = 1000  # of one job, for listeners that come late or again
_CLEARED = 100  # events after which the older ones are looked for

NewEvent = tuple[str, bytes]
"""Kind, and data as JSON."""


@dataclass(frozen=True)
class ClaimedJob:
    """A job that this replica runs, and how often it was begun."""

    job: StoredJob
    project: str
    line: str
    attempt: int
    request: StoredRequest


class JobClaims:
    """The jobs of all projects, as the replica `owner` runs them, which doesn't serve the models
    that `unserved` gives.

    Every method may be called from any thread. `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        engine: Engine,
        channel: Channel,
        replicas: Replicas,
        owner: str,
        clock: Callable[[], float] = time.time,
        unserved: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._engine = engine
        self._channel = channel
        self._replicas = replicas
        self._owner = owner
        self._clock = clock
        self._unserved = unserved

    def claim(self, full: Collection[str] = ()) -> ClaimedJob | None:
        """The job that has waited longest, for this replica to run; None if none waits.

        Jobs in lines that are `full`, or that need a model which isn't served here, wait on. Of
        replicas that claim at once each gets another, and one whose lease is over gets none.
        """
        jobs, requests = tables.jobs, tables.job_requests
        asked = sa.exists().where(requests.c.job == jobs.c.id)
        alive = self._replicas.lives(self._owner)
        waits = [jobs.c.state == "queued", jobs.c.line.not_in(full), asked, alive]
        if unserved := self._unserved():
            waits.append(~_needs(unserved))
        with reading(self._engine) as connection:
            if connection.execute(sa.select(jobs.c.id).where(*waits).limit(1)).first() is None:
                return None
        kept = [column for column in requests.c if column is not requests.c.job]
        found = sa.select(*JOB_COLUMNS, jobs.c.project, jobs.c.line, jobs.c.attempts).where(*waits)
        oldest = found.order_by(jobs.c.created, jobs.c.id).limit(1)
        with writing(self._engine) as connection:
            row = connection.execute(oldest.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            values = dict(row._mapping)
            own = jobs.c.id == values["id"]
            came = connection.execute(sa.select(*kept).where(requests.c.job == values["id"])).one()
            values |= {"state": "running", "attempts": values["attempts"] + 1}
            begun = {"owner": self._owner, "attempts": values["attempts"], "state": "running"}
            connection.execute(sa.update(jobs).where(own).values(**begun))
        project, line, attempt = (values.pop(name) for name in ("project", "line", "attempts"))
        return ClaimedJob(StoredJob(**values), project, line, attempt, _request(came))

    def tell(
        self, claimed: ClaimedJob, done: int, total: int, events: Sequence[NewEvent] = ()
    ) -> bool:
        """How far a job has come, and its new events; False if it is no longer this replica's."""
        jobs = tables.jobs
        with relaxed(self._engine) as connection:
            values = {"done": done, "total": total, "told": jobs.c.told + len(events)}
            change = sa.update(jobs).where(*self._own(claimed)).values(**values)
            told = connection.execute(change.returning(jobs.c.told)).scalar_one_or_none()
            if told is None:
                return False
            self._add(connection, claimed.job.id, told - len(events), events)
        return True

    def finish(
        self,
        claimed: ClaimedJob,
        reply: StoredReply,
        done: int,
        total: int,
        events: Sequence[NewEvent] = (),
    ) -> bool:
        """Running to succeeded, with its reply and last events; False, and nothing is kept, if the
        job is no longer this replica's.

        Raises `ReplyTooLarge` over 900 MB; the job runs still then, for the caller to `fail` it.
        """
        if len(reply.body) > _MAX_BODY:
            raise ReplyTooLarge(
                f"The result has {len(reply.body)} bytes, more than the {_MAX_BODY} that a job "
                "can keep; ask for fewer images at once or a smaller format."
            )
        jobs = tables.jobs
        with writing(self._engine) as connection:
            own = self._own(claimed)
            values = {"done": done, "total": total, "told": jobs.c.told + len(events)}
            change = sa.update(jobs).where(*own).values(**values).returning(jobs.c.told)
            told = connection.execute(change).scalar_one_or_none()
            if told is None:
                return False
            self._add(connection, claimed.job.id, told - len(events), events)
            kept = {"headers": dict(reply.headers), "body": reply.body, "status": reply.status}
            connection.execute(sa.insert(tables.job_results).values(job=claimed.job.id, **kept))
            end(connection, self._channel, *own, state="succeeded", finished=self._clock())
        return True

    def fail(self, claimed: ClaimedJob, problem: Mapping[str, Any]) -> bool:
        """Running to failed, with the problem (RFC 9457, JSON types only) that ended it; False if
        the job is no longer this replica's."""
        return self._close(claimed, state="failed", problem=dict(problem))

    def cancel(self, claimed: ClaimedJob) -> bool:
        """Running to cancelled; False if the job is no longer this replica's."""
        return self._close(claimed, state="cancelled")

    def lost(self, claims: Iterable[ClaimedJob]) -> list[ClaimedJob]:
        """Those that are no longer this replica's: cancelled, or with another since it was thought
        dead."""
        jobs, claims = tables.jobs, list(claims)
        query = sa.select(jobs.c.id, jobs.c.attempts).where(
            jobs.c.id.in_([each.job.id for each in claims]),
            jobs.c.owner == self._owner,
            jobs.c.state == "running",
        )
        with reading(self._engine) as connection:
            held = {(row.id, row.attempts) for row in connection.execute(query)}
        return [each for each in claims if (each.job.id, each.attempt) not in held]

    def take_back(self) -> int:
        """Queue the jobs of dead replicas again, those that weren't begun too often; others have
        failed with the code `interrupted`. The number of jobs that were touched."""
        jobs, requests = tables.jobs, tables.job_requests
        running = jobs.c.state == "running"
        asked = sa.exists().where(requests.c.job == jobs.c.id)
        with reading(self._engine) as connection:
            owners = set(connection.scalars(sa.select(jobs.c.owner).where(running).distinct()))
            dead = owners - {each.id for each in self._replicas.living(connection)}
            live = jobs.c.state.in_(LIVE)
            strays = connection.scalars(sa.select(jobs.c.id).where(live, ~asked)).all()
        if not dead and not strays:
            return 0
        with writing(self._engine) as connection:
            stray = jobs.c.id.in_(strays), ~asked
            count = self._interrupt(connection, _stopped(), *stray)
            left = running, jobs.c.owner.in_(dead)
            often = jobs.c.attempts >= MOST_ATTEMPTS
            count += self._interrupt(connection, _too_often(), *left, often)
            return count + self._queue_again(connection, *left)

    def hand_back(self) -> int:
        """Queue this replica's jobs again, as if it had never begun them; how many."""
        jobs = tables.jobs
        with writing(self._engine) as connection:
            mine = jobs.c.state == "running", jobs.c.owner == self._owner
            return self._queue_again(connection, *mine, attempts=jobs.c.attempts - 1)

    def _own(self, claimed: ClaimedJob) -> tuple[sa.ColumnElement[bool], ...]:
        jobs = tables.jobs
        return (
            jobs.c.id == claimed.job.id,
            jobs.c.state == "running",
            jobs.c.owner == self._owner,
            jobs.c.attempts == claimed.attempt,
        )

    def _close(self, claimed: ClaimedJob, **values: Any) -> bool:
        with writing(self._engine) as connection:
            own = self._own(claimed)
            return bool(end(connection, self._channel, *own, finished=self._clock(), **values))

    def _add(
        self, connection: Connection, job_id: str, told: int, events: Sequence[NewEvent]
    ) -> None:
        table = tables.job_events
        rows = [
            {"job": job_id, "number": number, "kind": kind, "data": data}
            for number, (kind, data) in enumerate(events, told + 1)
        ]
        if not rows:
            return
        connection.execute(sa.insert(table), rows)
        last = told + len(rows)
        if last // _CLEARED != told // _CLEARED:
            old = table.c.job == job_id, table.c.number <= last - _KEPT_EVENTS
            connection.execute(sa.delete(table).where(*old))
        self._channel.post(connection, ("news", job_id))

    def _interrupt(
        self, connection: Connection, fault: Interrupted, *where: sa.ColumnElement[bool]
    ) -> int:
        values = {"state": "failed", "finished": self._clock(), "problem": outline(fault)}
        return len(end(connection, self._channel, *where, **values))

    def _queue_again(
        self, connection: Connection, *where: sa.ColumnElement[bool], **values: Any
    ) -> int:
        jobs = tables.jobs
        waits = {"state": "queued", "owner": NOBODY, "done": 0, "total": 0, **values}
        change = sa.update(jobs).where(*where).values(**waits)
        again = list(connection.scalars(change.returning(jobs.c.id)))
        self._channel.post(connection, *(("queued", job_id) for job_id in again))
        return len(again)


def _needs(models: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether a job needs one of the models, as a condition of a statement."""
    needed = tables.job_models
    return sa.exists().where(needed.c.job == tables.jobs.c.id, needed.c.model.in_(models))


def _request(row: sa.Row[Any]) -> StoredRequest:
    values = dict(row._mapping)
    return StoredRequest(**values | {"headers": [(key, value) for key, value in values["headers"]]})


def _stopped() -> Interrupted:
    return Interrupted("The service was stopped while the job waited or ran; post it again.")


def _too_often() -> Interrupted:
    return Interrupted("The service has died each time that the job ran; it isn't tried again.")
