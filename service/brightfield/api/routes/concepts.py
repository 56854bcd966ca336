"""POST /collections/{name}/tcav."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response

from brightfield.api.conduct import Understood, conduct
from brightfield.api.door.needs import needs
from brightfield.api.reading.collection_requests import understand_posted
from brightfield.api.reading.parameters import parse
from brightfield.api.reading.received import Received, off_loop
from brightfield.api.routes.collections import Name, model_of
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_collections import describe_images
from brightfield.api.schema.responses import answers, json_response
from brightfield.api.schema.shapes.concepts import TestedConcept
from brightfield.api.services import Services
from brightfield.api.writing.collections import concept_reply
from brightfield.collections.concepts import ConceptQuestion
from brightfield.engine.view import View
from brightfield.images.selection import Selection
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["collections"], prefix="/collections")


@router.post(
    "/{name}/tcav",
    summary="Whether a class depends on a concept: what some items of the collection share.",
    response_class=Response,
    responses=answers(TestedConcept, job=True)
    | {207: json_response(TestedConcept, "Some images could not be read")},
)
@described(describe_images, ConceptQuestion)
@needs("read", job="write")
async def post_tcav(name: Name, request: Request) -> Response:
    """Testing with concept activation vectors (Kim et al. 2018), at the collection's layer. The
    images whose class is asked about come with the request, or are items that `inputs` names."""

    async def understand(services: Services, received: Received) -> Understood:
        posted = await off_loop(received, understand_posted, received)
        question, view, selection = parse((ConceptQuestion, View, Selection), posted.parameters)
        images = [partial(image.load, services.images) for image in posted.images]

        async def respond(ticket: Ticket, progress: Progress | None) -> Response:
            test = services.collections.concepts.test
            found = await test(name, question, images, view, selection, ticket, progress)
            limit = services.settings.max_reply_bytes
            return await asyncio.to_thread(concept_reply, found, received.request_id, limit)

        return Understood(respond, models=model_of(services, name))

    return await conduct(request, understand, job=f"/collections/{name}/tcav")
