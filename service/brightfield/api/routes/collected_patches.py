"""POST /collections/{name}/patches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from brightfield.api.conduct import Understood, conduct
from brightfield.api.door.needs import needs
from brightfield.api.reading.collection_requests import understand_posted
from brightfield.api.reading.negotiation import negotiate
from brightfield.api.reading.parameters import parse
from brightfield.api.reading.received import Received, off_loop
from brightfield.api.routes.collections import Name, model_of
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_collections import describe_options
from brightfield.api.schema.responses import answers, binary
from brightfield.api.services import Services
from brightfield.api.writing.collections import items_reply
from brightfield.api.writing.envelope import together_envelope
from brightfield.api.writing.formats import Reply, media_type_of
from brightfield.api.writing.replies import Writer
from brightfield.collections.queries import ItemSelection
from brightfield.engine.view import View
from brightfield.images.selection import Selection
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.patches import FindPatches

router = APIRouter(tags=["collections"], prefix="/collections")

_MODELS = (FindPatches, ItemSelection, View, Selection, Reply)


@router.post(
    "/{name}/patches",
    summary="The parts of a collection's images that excite the units of a layer most.",
    response_class=Response,
    responses=answers("CollectionPatchesReply", job=True, media=binary(("image/png", "text/csv"))),
)
@described(describe_options, FindPatches, ItemSelection, View, Selection, Reply, job=True)
@needs("read", job="write")
async def post_patches(name: Name, request: Request) -> Response:
    """As /patches, over the images of a collection that was made with `keep_images`. `ids` names
    them in the order in which the result counts them."""

    async def understand(services: Services, received: Received) -> Understood:
        limit = services.settings.max_reply_bytes
        posted = await off_loop(received, understand_posted, received)
        task, items, view, selection, reply = parse(_MODELS, posted.parameters)
        form = negotiate(reply.format, received.headers.get("accept"), task.formats, media_type_of)
        reply.check(form, task.uses)

        async def respond(ticket: Ticket, progress: Progress | None) -> Response:
            find = services.collections.patches.find
            ids, found = await find(name, task, items.filter, view, selection, ticket, progress)
            unnamed: list[str | None] = [None] * len(ids)
            if form != "json":
                writer = Writer(form, reply, received.request_id, limit)
                return await asyncio.to_thread(writer.together, found, ids)
            space = reply.space or "input"
            envelope = together_envelope(found, received.request_id, space, unnamed)
            return await asyncio.to_thread(items_reply, {**envelope, "ids": ids}, limit)

        async def models() -> Sequence[str]:
            engine, found = services.engine, await model_of(services, name, view.model)()
            return found or engine.defaults.needed(task, None, engine.registry.cards())

        return Understood(respond, models=models)

    return await conduct(request, understand, job=f"/collections/{name}/patches")
