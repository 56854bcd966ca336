"""GET /metrics: what the service counts about itself. POST /metrics: how good predictions are."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from brightfield import metrics as evaluations
from brightfield.api.image_endpoints import Services
from brightfield.api.limits import RequestScope, ticket_of
from brightfield.api.reading.evaluations import Submitted, understand
from brightfield.api.reading.inputs import query_of, read_body
from brightfield.api.schema.openapi_evaluations import describe_evaluations
from brightfield.api.writing.reports import chosen_form, described_replies, respond
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
    responses=described_replies(),
    openapi_extra=describe_evaluations(evaluations.catalog()),
)
async def evaluate(request: Request) -> Response:
    services: Services = request.app.state.services
    settings = services.engine.settings
    with services.admission.admit() as claim:
        ticket = ticket_of(request, settings.timeout)
        body = await read_body(request, settings.max_bytes)
        read = partial(_understood, request, services, body)
        if "respond-async" in request.headers.get("prefer", ""):
            submitted, form = await asyncio.to_thread(read)
            kept = services.admission.hand_over(claim)

            async def run(ticket: Ticket, progress: Progress) -> Response:
                return await _answer(services, submitted, form, ticket)

            return await services.jobs.submit("/metrics", run, kept.release)
        async with RequestScope(request, ticket):
            return await _answer(services, *await asyncio.to_thread(read), ticket)


def _understood(request: Request, services: Services, body: bytes) -> tuple[Submitted, str]:
    """What is to be evaluated, and the form of the reply."""
    submitted = understand(
        body,
        request.headers.get("content-type", ""),
        query_of(request),
        services.engine.evaluations,
        services.engine.settings.max_bytes,
    )
    return submitted, chosen_form(submitted.form, request.headers.get("accept"))


async def _answer(services: Services, submitted: Submitted, form: str, ticket: Ticket) -> Response:
    report = await services.engine.evaluate(submitted.evaluation, submitted.data, ticket)
    limit = services.engine.settings.max_reply_bytes
    return await asyncio.to_thread(respond, report, form, submitted.form, limit)
