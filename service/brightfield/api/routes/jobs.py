"""Long work: /jobs/{id}, its result and its events."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from starlette.responses import StreamingResponse

from brightfield.api.door.needs import needs
from brightfield.api.jobs.runner import describe
from brightfield.api.schema.parameters import headers
from brightfield.api.schema.responses import EVENTS, answers
from brightfield.api.schema.shapes.jobs import Job
from brightfield.api.services import services_of
from brightfield.errors import InvalidParameter

router = APIRouter(tags=["jobs"], prefix="/jobs")

_EVENT_NUMBER = re.compile("[0-9]{1,18}")
JobId = Annotated[str, Path(description="The `id` of the 202 that started the job.")]


@router.get("/{job_id}", summary="State and progress.", response_model=None, responses=answers(Job))
@needs("read")
async def get_job(job_id: JobId, request: Request) -> dict[str, Any]:
    services = services_of(request)
    return describe(await services.jobs.get(job_id))


@router.get(
    "/{job_id}/result",
    summary="Exactly the reply that would have been sent at once.",
    response_class=Response,
)
@needs("read")
async def get_result(job_id: JobId, request: Request) -> Response:
    services = services_of(request)
    return await services.jobs.result(job_id)


@router.get(
    "/{job_id}/events",
    summary="Server-sent events: progress, partial, end; Last-Event-ID resumes.",
    response_class=StreamingResponse,
    responses=EVENTS,
    openapi_extra={"parameters": headers("Last-Event-ID")},
)
@needs("read")
async def get_events(job_id: JobId, request: Request) -> StreamingResponse:
    services = services_of(request)
    await services.jobs.get(job_id)  # an unknown one is 404, not an empty stream
    after = request.headers.get("last-event-id", "0")
    if not _EVENT_NUMBER.fullmatch(after):
        raise InvalidParameter(f"Last-Event-ID is the number of an event, not {after[:100]!r}.")
    return StreamingResponse(
        services.jobs.events(job_id, int(after)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.delete(
    "/{job_id}",
    summary="Cancel; a job that is over stays as it is.",
    response_model=None,
    responses=answers(Job),
)
@needs("write")
async def cancel_job(job_id: JobId, request: Request) -> dict[str, Any]:
    services = services_of(request)
    return describe(await services.jobs.cancel(job_id))
