"""GET /metrics: what the service counts about itself. POST /metrics: how good predictions are."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from brightfield import metrics as evaluations
from brightfield.api.conduct import Understood, conduct
from brightfield.api.door.needs import needs
from brightfield.api.reading.evaluations import understand_predictions
from brightfield.api.reading.received import Received
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_evaluations import describe_evaluations
from brightfield.api.services import Services, services_of
from brightfield.api.writing.reports import chosen_form, described_replies, respond
from brightfield.evaluation.stamp import stamp
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    summary="Counters and timings in Prometheus' text format.",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
@needs("read")
async def metrics(request: Request) -> Response:
    """Of the process that answers; GET /cluster/targets names the others."""
    services = services_of(request)
    own = services.cluster.own
    telemetry = services.engine.telemetry
    telemetry.replica_info.labels(own.id, own.process.host).set(1)
    return Response(telemetry.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@router.post(
    "/metrics",
    tags=["evaluation"],
    summary="How good predictions are: metrics with intervals, curves, confusion, worst cases.",
    response_class=Response,
    responses=described_replies(),
)
@described(lambda: describe_evaluations(evaluations.catalog()))
@needs("read", job="write")
async def evaluate(request: Request) -> Response:
    async def understand(services: Services, received: Received) -> Understood:
        return await asyncio.to_thread(_understood, services, received)

    return await conduct(request, understand, job="/metrics")


def _understood(services: Services, received: Received) -> Understood:
    """What is to be evaluated, and the form of the reply; a large body takes its time."""
    settings = services.settings
    submitted = understand_predictions(received, services.engine.evaluations, settings.max_bytes)
    form = chosen_form(submitted.form, received.headers.get("accept"))

    async def answer(ticket: Ticket, progress: Progress | None) -> Response:
        found = await services.engine.evaluate(submitted.evaluation, submitted.data, ticket)
        report = {**found, **stamp(submitted.evaluation, time.time())}
        limit = settings.max_reply_bytes
        return await asyncio.to_thread(respond, report, form, submitted.form, limit)

    return Understood(answer)
