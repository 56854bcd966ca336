"""Jobs of a store with one replica that runs them, for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from brightfield.store.channel import OwnChannel
from brightfield.store.database_clock import LeaseClock, database_now
from brightfield.store.job_claims import ClaimedJob, JobClaims
from brightfield.store.jobs import Jobs, StoredJob, StoredReply, StoredRequest, new_job_id
from brightfield.store.replicas import Replicas, this_replica

REQUEST = StoredRequest(
    "POST", "/saliency", "window=4", [("content-type", "image/png")], "req_1", b"\x89\x00"
)


def clock_of(seconds: Callable[[], float]) -> LeaseClock:
    """A clock whose time a test makes."""
    return lambda: sa.literal(seconds(), sa.Double)


@dataclass
class JobsAtHand:
    """The side of those who ask and that of a replica that runs."""

    jobs: Jobs
    claims: JobClaims
    beat: Callable[[], None]
    unserved: list[str]
    """The models that the replica doesn't serve."""

    def queued(self, endpoint: str = "/saliency", *models: str) -> StoredJob:
        return self.jobs.create(new_job_id(), endpoint, REQUEST, models)

    def running(self, endpoint: str = "/saliency") -> ClaimedJob:
        """A new job, which this replica runs; no other may wait."""
        self.beat()
        job = self.queued(endpoint)
        claimed = self.claims.claim()
        assert claimed is not None and claimed.job.id == job.id
        return claimed

    def ended(self, reply: StoredReply, endpoint: str = "/saliency") -> str:
        """The id of a job that ended with a reply."""
        claimed = self.running(endpoint)
        assert self.claims.finish(claimed, reply, 1, 1)
        return claimed.job.id


def at_hand(
    engine: sa.Engine, lease: LeaseClock = database_now, clock: Callable[[], float] | None = None
) -> JobsAtHand:
    """A new replica, alive, on a store."""
    channel, replicas, replica = OwnChannel(), Replicas(engine, 15.0, lease), this_replica("", "1")
    given = () if clock is None else (clock,)
    unserved: list[str] = []
    claims = JobClaims(engine, channel, replicas, replica.id, *given, unserved=lambda: unserved)
    jobs = Jobs(engine, channel, *given)
    found = JobsAtHand(jobs, claims, lambda: replicas.renew(replica), unserved)
    found.beat()
    return found
