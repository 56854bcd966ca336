"""All that makes jobs out of requests, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa
from fastapi import FastAPI

from brightfield.api.jobs.again import JobRoutes
from brightfield.api.jobs.heart import Heart
from brightfield.api.jobs.news import JobWaiters
from brightfield.api.jobs.runner import JobRunner
from brightfield.api.jobs.worker import JobWorker
from brightfield.errors import BrightfieldError
from brightfield.runtime.ending import TimeLeft
from brightfield.settings import Settings
from brightfield.store.channel import Channel, open_channel
from brightfield.store.database_clock import LeaseClock
from brightfield.store.job_claims import JobClaims
from brightfield.store.jobs import Jobs
from brightfield.store.replicas import Replica, Replicas

_BEATS = 3  # within a lease


@dataclass(frozen=True, slots=True)
class JobParts:
    """The jobs of one application, and the lease by which others know that it is alive."""

    runner: JobRunner
    worker: JobWorker
    heart: Heart
    claims: JobClaims
    channel: Channel
    waiters: JobWaiters
    replicas: Replicas

    @classmethod
    async def open(
        cls,
        app: FastAPI,
        database: sa.Engine,
        settings: Settings,
        clock: LeaseClock,
        now: Callable[[], Replica],
    ) -> JobParts:
        """Ready to accept jobs; none is run yet. `now` is what the replica says of itself."""
        channel = await asyncio.to_thread(open_channel, database)
        pause = settings.lease / _BEATS
        replicas = Replicas(database, settings.lease, clock)
        claims = JobClaims(database, channel, replicas, now().id)
        waiters = JobWaiters(channel)
        return cls(
            JobRunner(Jobs(database, channel), channel, waiters, pause),
            JobWorker(claims, channel, JobRoutes(app).work, settings.jobs, pause),
            Heart(replicas, claims, now, pause),
            claims,
            channel,
            waiters,
            replicas,
        )

    async def start(self) -> None:
        """Be known as alive, and run jobs."""
        await asyncio.to_thread(self.heart.start)
        self.runner.start()
        self.worker.start()

    async def close(self, seconds: float) -> None:
        """Hand back what runs, within so many seconds, and be known as gone."""
        left = TimeLeft(seconds)
        self.runner.close()
        await self.worker.close(left.seconds)
        with suppress(BrightfieldError):  # the store is away, and the lease ends by itself
            await asyncio.to_thread(self.heart.stop, left.seconds)
        self.waiters.close()
        await asyncio.to_thread(self.channel.close)
