"""The FastAPI application, built by a function from the settings."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from brightfield import __version__
from brightfield.access.keyring import Keyring
from brightfield.access.storage import Storage
from brightfield.api import documentation, guide, problems
from brightfield.api.admission.admission import Admission
from brightfield.api.cluster.passing import Passing
from brightfield.api.cluster.pools import Pools
from brightfield.api.door.door import Door
from brightfield.api.door.needs import RouteNeeds
from brightfield.api.door.warning import open_door
from brightfield.api.jobs.parts import JobParts
from brightfield.api.last_resort import LastResort
from brightfield.api.middleware import RequestMiddleware
from brightfield.api.routes import image_endpoints, install
from brightfield.api.schema import openapi
from brightfield.api.services import ProjectServices, Services
from brightfield.api.wire.direct_routes import DirectRoutes
from brightfield.api.wire.head_requests import HeadRequests
from brightfield.collections.services import CollectionWork
from brightfield.engine import Engine
from brightfield.engine.viewing.planes import ViewedPlanes
from brightfield.evaluation.runs import EvaluationRuns
from brightfield.runtime.ending import TimeLeft
from brightfield.settings import Settings
from brightfield.store.database import open_database
from brightfield.store.database_clock import LeaseClock, database_now
from brightfield.store.folder_images import FolderImages
from brightfield.store.images import ImageStore
from brightfield.store.keys import KeyStore
from brightfield.store.ownership import DEFAULT_PROJECT
from brightfield.store.replicas import Replica, this_replica
from brightfield.store.runs import RunStore
from brightfield.store.table_images import TableImages

log = logging.getLogger(__name__)

_HOUSEKEEPING = 600.0

# Headers of replies that pages of other origins may read.
_EXPOSED = [
    "X-Request-ID", "X-Model", "X-Image-Warnings", "X-PSNR", "X-SSIM", "Server-Timing",
    "WWW-Authenticate", "Retry-After", "RateLimit", "RateLimit-Policy",
]  # fmt: skip

_DESCRIPTION = """\
Runs imaging models, and shows which pixels an answer rests on.

Every image endpoint takes a raw body, a multipart form, JSON, or `.npy`; every error is
`application/problem+json`.
"""


def create_app(
    settings: Settings | None = None,
    engine: Engine | None = None,
    clock: LeaseClock = database_now,
) -> FastAPI:
    """The service as an ASGI application; models load from when its lifespan begins, unless its
    `engine` has begun before.

    `clock` is what leases are counted by.
    Raises `ValueError` or a `BrightfieldError` with one sentence where the settings are wrong.
    """
    settings = settings or Settings()
    engine = engine or Engine(settings)
    app = FastAPIOffline(
        telemetry=_open_telemetry(),
        docs_url=None,
        redoc_url=None,
        title="Brightfield",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        redirect_slashes=False,
        responses={"default": openapi.FAULT},
    )
    app.state.settings = settings
    app.state.engine = engine
    app.state.stopping = False
    app.state.preloads = None
    app.state.clock = clock
    problems.install(app)
    documentation.install(app)
    guide.install(app)
    endpoints = image_endpoints(engine)
    install(app, endpoints)
    app.state.needs = RouteNeeds(app.routes)
    _surround(app, settings, {endpoint.path: endpoint for endpoint in endpoints})
    return app


def _open_telemetry() -> TelemetryConfig | None:
    """FastAPI's own where somebody has set OpenTelemetry up; else none, since it looks for that
    anew at every request."""
    if any(name.startswith("OTEL_") for name in os.environ):
        return None
    return {"tracing": False, "metrics": False, "logs": False}


def _surround(app: FastAPI, settings: Settings, direct: Mapping[str, ASGIApp]) -> None:
    """Put the layers around the routes, from the inside to the outside."""
    app.add_middleware(DirectRoutes, direct=direct)
    app.add_middleware(Door)
    app.add_middleware(HeadRequests)
    app.add_middleware(LastResort)
    if origins := [origin.strip() for origin in settings.allowed_origins.split(",") if origin]:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
        )
    telemetry = app.state.engine.telemetry
    app.add_middleware(RequestMiddleware, settings=settings, telemetry=telemetry)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the store, begin to load the default models, and close all in the reverse order."""
    settings: Settings = app.state.settings
    engine: Engine = app.state.engine
    database = await asyncio.to_thread(
        open_database, settings.store_url, settings.database_connections - 1
    )
    keyring = Keyring(KeyStore(database), settings.require_keys)
    await asyncio.to_thread(keyring.read)
    images = await asyncio.to_thread(_images, settings, database, app.state.clock)
    replica = await asyncio.to_thread(_replica, settings, images)
    jobs = await JobParts.open(app, database, settings, app.state.clock, replica)
    services = _services(settings, engine, database, keyring, images, jobs)
    app.state.jobs = jobs
    app.state.services, app.state.projects = services, ProjectServices(services, database)
    _watch_caches(services)
    await asyncio.to_thread(engine.start)
    await jobs.join(database, settings.lease)
    if settings.preload:
        app.state.preloads = engine.begin_preload()
    await jobs.start()
    if warning := open_door(services):
        log.warning(warning)
    keepers = [asyncio.create_task(_keep_house(services, settings))]
    keepers.append(asyncio.create_task(keyring.watch()))
    try:
        yield
    finally:
        for keeper in keepers:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        left = TimeLeft(0.15 * settings.stop_timeout)
        await services.passing.close()
        await jobs.close(left.seconds)
        await asyncio.to_thread(services.collections.close, left.seconds)
        await asyncio.to_thread(engine.close, left.seconds)
        database.dispose()


def _images(settings: Settings, database: sa.Engine, clock: LeaseClock) -> ImageStore:
    ttl, most, folder = settings.image_ttl, settings.image_cache_bytes, settings.image_folder
    if folder is None:
        return TableImages(database, ttl, most, clock)
    return FolderImages(folder, ttl, most)


def _replica(settings: Settings, images: ImageStore) -> Replica:
    return replace(
        this_replica(settings.reached_at, __version__),
        scheme="https" if settings.tls_certificate else "http",
        serves=settings.serves,
        images=images.place,
    )


def _services(
    settings: Settings,
    engine: Engine,
    database: sa.Engine,
    keyring: Keyring,
    images: ImageStore,
    jobs: JobParts,
) -> Services:
    return Services(
        settings,
        keyring,
        Storage(database, images),
        engine,
        Admission.of(settings, engine.telemetry, engine.backlog),
        images.of(DEFAULT_PROJECT),
        jobs.runner,
        jobs.cluster,
        _passing(settings, engine, jobs),
        EvaluationRuns(RunStore(database), engine.evaluations, engine.limits),
        CollectionWork.of(engine, database),
        ViewedPlanes(
            engine.budget, engine.image_limits, settings.view_cache_bytes, settings.timeout
        ),
    )


def _passing(settings: Settings, engine: Engine, jobs: JobParts) -> Passing:
    own = jobs.cluster.own.id
    pools = Pools(own, jobs.heart, engine, settings.lease)
    return Passing(own, pools, settings.tls_certificate, engine.telemetry)


def _watch_caches(services: Services) -> None:
    """Count the bytes of what is kept for the next request."""
    settings, watch = services.settings, services.engine.telemetry.watch_cache
    views, vectors = services.viewed, services.collections.stores.vectors
    watch("views", lambda: views.size_bytes, lambda: settings.view_cache_bytes)
    watch("vectors", lambda: vectors.size_bytes, lambda: settings.vector_cache_bytes)


async def _keep_house(services: Services, settings: Settings) -> None:
    """Now and then forget old jobs, images and runs."""
    while True:
        try:
            await services.jobs.expire(settings.job_ttl)
            await asyncio.to_thread(services.images.store.sweep)
            if settings.run_ttl is not None:
                await asyncio.to_thread(services.runs.store.expire, settings.run_ttl)
        except Exception:
            log.exception("housekeeping failed; it is tried again later")
        await asyncio.sleep(_HOUSEKEEPING)
