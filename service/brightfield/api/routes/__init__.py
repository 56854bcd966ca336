"""The routes: one file per endpoint or resource."""

from __future__ import annotations

from fastapi import FastAPI

from brightfield.api import openapi
from brightfield.api.exchange import ExplainEndpoint, PredictEndpoint
from brightfield.api.routes import health, images, jobs, metrics, models
from brightfield.engine import Engine


def install(app: FastAPI, engine: Engine) -> None:
    """Add every route to the app.

    The image endpoints follow from the catalogs: one per task, and one per kind of explanation.
    """
    for task in engine.tasks.values():
        openapi.add(app, PredictEndpoint(task))
    for endpoint, default in (("saliency", "gradient"), ("occlusion", "occlusion")):
        methods = {m.name: m for m in engine.methods.values() if m.endpoint == endpoint}
        openapi.add(app, ExplainEndpoint(endpoint, methods, default))
    for module in (models, images, jobs, metrics, health):
        app.include_router(module.router)
