"""POST /collections/{name}/patches."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from brightfield.api.image_endpoints import Services
from brightfield.api.problems import request_id_of
from brightfield.api.reading.collection_requests import carried_out, read_posted, written
from brightfield.api.reading.parameters import parse
from brightfield.api.routes.collections import Name
from brightfield.api.schema.openapi_collections import describe_options
from brightfield.api.schema.responses import answers, binary
from brightfield.api.writing.envelope import survey_envelope
from brightfield.api.writing.replies import Reply, Writer, negotiate
from brightfield.collections.queries import ItemSelection
from brightfield.engine.engine import Progress
from brightfield.engine.view import View
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.patches import FindPatches

router = APIRouter(tags=["collections"], prefix="/collections")


@router.post(
    "/{name}/patches",
    summary="The parts of a collection's images that excite the units of a layer most.",
    response_class=Response,
    responses=answers("CollectionPatchesReply", job=True, media=binary(("image/png", "text/csv"))),
    openapi_extra=describe_options(FindPatches, ItemSelection, View, Selection, Reply, job=True),
)
async def post_patches(name: Name, request: Request) -> Response:
    """As /patches, over the images of a collection that was made with `keep_images`. `ids` names
    them in the order in which the result counts them."""
    services: Services = request.app.state.services
    limit = services.engine.settings.max_reply_bytes
    with services.admission.admit() as claim:
        posted = await read_posted(request, services.engine.settings.max_bytes)
        models = (FindPatches, ItemSelection, View, Selection, Reply)
        task, choice, view, selection, reply = parse(models, posted.parameters)
        assert isinstance(task, FindPatches) and isinstance(choice, ItemSelection)
        assert isinstance(view, View) and isinstance(selection, Selection)
        assert isinstance(reply, Reply)
        form = negotiate(reply, request.headers.get("accept"), task.formats)
        request_id = request_id_of(request)

        async def work(ticket: Ticket, progress: Progress | None) -> Response:
            find = services.collections.patches.find
            ids, survey = await find(name, task, choice.filter, view, selection, ticket, progress)
            if form != "json":
                writer = Writer(form, reply, request_id, limit)
                return await asyncio.to_thread(writer.survey, survey)
            envelope = survey_envelope(survey, request_id, reply.space or "input")
            return await asyncio.to_thread(written, {**envelope, "ids": ids}, limit)

        return await carried_out(request, f"/collections/{name}/patches", claim, work)
