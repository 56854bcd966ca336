"""All that makes jobs out of requests, put together."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa
from fastapi import FastAPI

from brightfield.api.cluster.cluster import Cluster
from brightfield.api.cluster.company import check_company
from brightfield.api.cluster.heart import Heart
from brightfield.api.cluster.residency import ModelResidency
from brightfield.api.jobs.again import JobRoutes
from brightfield.api.jobs.news import JobWaiters
from brightfield.api.jobs.runner import JobRunner
from brightfield.api.jobs.worker import JobWorker
from brightfield.engine import Engine
from brightfield.errors import BrightfieldError
from brightfield.outages import UnusableStore
from brightfield.runtime.ending import TimeLeft
from brightfield.settings import Settings
from brightfield.store.channel import Channel, open_channel
from brightfield.store.database import apart
from brightfield.store.database_clock import LeaseClock
from brightfield.store.job_claims import JobClaims
from brightfield.store.jobs import Jobs
from brightfield.store.replicas import Replica, Replicas
from brightfield.store.wishes import ModelWishes

_BEATS = 3  # within a lease


@dataclass(frozen=True, slots=True)
class JobParts:
    """The jobs of one application, and the lease by which others know that it is alive."""

    runner: JobRunner
    worker: JobWorker
    heart: Heart
    cluster: Cluster
    claims: JobClaims
    channel: Channel
    waiters: JobWaiters
    replicas: Replicas
    leases: sa.Engine
    """The store, as the lease is renewed there."""

    @classmethod
    async def open(
        cls,
        app: FastAPI,
        database: sa.Engine,
        settings: Settings,
        clock: LeaseClock,
        own: Replica,
    ) -> JobParts:
        """Ready to accept jobs; none is run yet."""
        channel = await asyncio.to_thread(open_channel, database)
        pause = settings.lease / _BEATS
        replicas = Replicas(database, settings.lease, clock)
        engine: Engine = app.state.engine

        def unserved() -> list[str]:
            return engine.registry.unserved()

        claims = JobClaims(database, channel, replicas, own.id, unserved=unserved)
        residency = ModelResidency(engine, ModelWishes(database, channel), own)
        # However many wait for a connection, the lease has its own.
        leases = await asyncio.to_thread(apart, database)
        renewing = Replicas(leases, settings.lease, clock)
        burying = JobClaims(leases, channel, renewing, own.id)
        heart = Heart(renewing, burying, residency, channel, pause)
        waiters = JobWaiters(channel)
        return cls(
            JobRunner(Jobs(database, channel), channel, waiters, pause),
            JobWorker(claims, channel, JobRoutes(app).work, settings.jobs, pause),
            heart,
            Cluster(own, heart, residency),
            claims,
            channel,
            waiters,
            replicas,
            leases,
        )

    async def join(self, database: sa.Engine, lease: float) -> None:
        """Be known as alive. Raises `UnusableStore` if the processes on the store don't fit."""
        await asyncio.to_thread(self.heart.start)
        on_a_file = database.dialect.name == "sqlite"
        try:
            await check_company(
                self.replicas, self.cluster.own, on_a_file=on_a_file, pause=lease / 20
            )
        except UnusableStore:
            await self.close(lease)
            raise

    async def start(self) -> None:
        """Run jobs from now on."""
        self.runner.start()
        self.worker.start()

    async def drain(self, seconds: float) -> None:
        """Hand back what runs, within so many seconds, claim no more, and send listeners away, who
        come back to another replica. Requests are still accepted, jobs too, for others to run."""
        self.runner.hang_up()
        await self.worker.close(seconds)

    async def close(self, seconds: float) -> None:
        """Hand back what runs, within so many seconds, and be known as gone."""
        left = TimeLeft(seconds)
        self.runner.close()
        await self.worker.close(left.seconds)
        with suppress(BrightfieldError):  # the store is away, and the lease ends by itself
            await asyncio.to_thread(self.heart.stop, left.seconds)
        self.waiters.close()
        await asyncio.to_thread(self.channel.close)
        self.leases.dispose()
