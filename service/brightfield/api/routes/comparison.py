"""GET /metrics/compare: two runs about the same ids."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response

from brightfield.api.conduct import Understood, conduct
from brightfield.api.door.needs import needs
from brightfield.api.reading.parameters import query_of
from brightfield.api.reading.received import Received
from brightfield.api.reading.run_requests import understand_comparison
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_evaluations import describe_comparison
from brightfield.api.schema.responses import answers, binary
from brightfield.api.schema.shapes.reports import RunComparison
from brightfield.api.services import Services
from brightfield.api.writing.reports import COMPARISON_MEDIA, comparison_form, respond_comparison
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["evaluation"])


@router.get(
    "/metrics/compare",
    summary="How much the numbers of two runs differ, with intervals.",
    response_class=Response,
    responses=answers(RunComparison, media=binary(COMPARISON_MEDIA)),
)
@described(describe_comparison)
@needs("read")
async def compare(request: Request) -> Response:
    async def understand(services: Services, received: Received) -> Understood:
        wanted = understand_comparison(query_of(received.query))
        form = comparison_form(wanted.form, received.headers.get("accept"))

        async def respond(ticket: Ticket, progress: Progress | None) -> Response:
            work = partial(services.runs.compare, wanted.a, wanted.b, wanted.ci, ticket.check)
            found = await services.engine.evaluating(work)
            limit = services.settings.max_reply_bytes
            return await asyncio.to_thread(respond_comparison, found, form, wanted.form, limit)

        return Understood(respond)

    return await conduct(request, understand)
