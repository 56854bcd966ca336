"""The routes: one file per endpoint or resource."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.routing import Route

from brightfield.api.image_endpoints import ImageEndpoint
from brightfield.api.routes import (
    cluster,
    collected_patches,
    collections,
    comparison,
    concepts,
    exploring,
    filters,
    health,
    images,
    indexes,
    jobs,
    metrics,
    models,
    page,
    projections,
    runs,
    views,
)
from brightfield.api.schema import openapi
from brightfield.engine import Engine


def image_endpoints(engine: Engine) -> list[ImageEndpoint]:
    """The image endpoints follow from the catalogs: one per task and per kind of explanation."""
    endpoints = [ImageEndpoint(name, {name: task}, name) for name, task in engine.tasks.items()]
    for name, default in (("saliency", "gradient"), ("occlusion", "occlusion")):
        methods = {m.name: m for m in engine.methods.values() if m.endpoint == name}
        endpoints.append(ImageEndpoint(name, methods, default, chooser="method"))
    return endpoints


def install(app: FastAPI, endpoints: Sequence[ImageEndpoint]) -> None:
    """Add every route to the app; image endpoints are plain ASGI, described apart."""
    for endpoint in endpoints:
        app.router.routes.append(Route(endpoint.path, endpoint, methods=["POST"]))
    openapi.describe(app, endpoints)
    kept = (
        comparison, runs, collections, exploring, indexes, projections, collected_patches,
        concepts,
    )  # fmt: skip
    for module in (models, filters, images, views, jobs, metrics, cluster, *kept, health):
        app.include_router(module.router)
    page.install(app)
