"""GET /metrics/compare: two runs about the same ids."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response

from brightfield.api.image_endpoints import Services
from brightfield.api.limits import RequestScope, ticket_of
from brightfield.api.reading.inputs import query_of
from brightfield.api.reading.run_requests import understand_comparison
from brightfield.api.schema.openapi_evaluations import describe_comparison
from brightfield.api.schema.responses import answers
from brightfield.api.schema.shapes.reports import RunComparison
from brightfield.api.writing.reports import reply

router = APIRouter(tags=["evaluation"])


@router.get(
    "/metrics/compare",
    summary="How much the numbers of two runs differ, with intervals.",
    response_class=Response,
    responses=answers(RunComparison),
    openapi_extra=describe_comparison(),
)
async def compare(request: Request) -> Response:
    services: Services = request.app.state.services
    settings = services.engine.settings
    wanted = understand_comparison(query_of(request))
    with services.admission.admit():
        ticket = ticket_of(request, settings.timeout)
        work = partial(services.runs.compare, wanted.a, wanted.b, wanted.ci, ticket.check)
        async with RequestScope(request, ticket):
            found = await services.engine.evaluating(work)
            return await asyncio.to_thread(reply, found, settings.max_reply_bytes)
