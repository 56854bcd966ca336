"""GET /metrics: what the service counts about itself. POST /metrics: how good predictions are."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from brightfield import metrics as evaluations
from brightfield.api.evaluations import Submitted, understand
from brightfield.api.exchange import Services
from brightfield.api.inputs import query_of, read_body
from brightfield.api.limits import Patience, ticket_of
from brightfield.api.openapi_evaluations import describe_evaluations
from brightfield.api.report_forms import reply
from brightfield.engine.engine import Progress
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    summary="Counters and timings in Prometheus' text format.",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    services: Services = request.app.state.services
    return Response(
        services.engine.telemetry.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


@router.post(
    "/metrics",
    tags=["evaluation"],
    summary="How good predictions are: metrics with intervals, curves, confusion, worst cases.",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    openapi_extra=describe_evaluations(evaluations.catalog()),
)
async def evaluate(request: Request) -> Response:
    services: Services = request.app.state.services
    settings = services.engine.settings
    with services.admission.admit() as claim:
        ticket = ticket_of(request, settings.timeout)
        read = partial(
            understand,
            await read_body(request, settings.max_bytes),
            request.headers.get("content-type", ""),
            query_of(request),
            services.engine.evaluations,
            settings.max_bytes,
        )
        if "respond-async" in request.headers.get("prefer", ""):
            submitted = await asyncio.to_thread(read)
            kept = services.admission.hand_over(claim)

            async def run(ticket: Ticket, progress: Progress) -> Response:
                return await _answer(services, submitted, ticket)

            return await services.jobs.submit("/metrics", run, kept.release)
        async with Patience(request, ticket):
            return await _answer(services, await asyncio.to_thread(read), ticket)


async def _answer(services: Services, submitted: Submitted, ticket: Ticket) -> Response:
    report = await services.engine.evaluate(submitted.evaluation, submitted.data, ticket)
    return await asyncio.to_thread(reply, report, services.engine.settings.max_reply_bytes)
