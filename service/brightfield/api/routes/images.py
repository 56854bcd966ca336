"""PUT /images: upload once, ask many times."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from brightfield.api.conduct import Understood, conduct
from brightfield.api.door.needs import needs
from brightfield.api.reading.received import Received
from brightfield.api.schema.responses import answers
from brightfield.api.schema.shapes.common import StoredImage
from brightfield.api.services import Services
from brightfield.api.writing.sized import json_reply
from brightfield.errors import EmptyBody
from brightfield.images.decode import describe
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["images"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.put(
    "/images",
    summary="Keep an image for a while; its id stands for it in later requests.",
    response_model=None,
    responses=answers(StoredImage),
    openapi_extra=_BODY,
)
@needs("read", stores=True)
async def put_image(request: Request) -> Response:
    async def understand(services: Services, received: Received) -> Understood:
        if not received.body:
            raise EmptyBody("The body is empty; send an image's bytes.")
        # Refuse what no later request could read, while the sender is still listening.
        facts = await asyncio.to_thread(describe, received.body)

        async def respond(ticket: Ticket, progress: Progress | None) -> Response:
            document = {
                "id": await asyncio.to_thread(services.images.put, received.body),
                "bytes": len(received.body),
                "format": facts.format,
                "width": facts.width,
                "height": facts.height,
                "expires_in": services.settings.image_ttl,
            }
            return json_reply(document, services.settings.max_reply_bytes)

        return Understood(respond, lengthy=False)

    return await conduct(request, understand)
