"""PUT /images: upload once, ask many times."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from brightfield.api.image_endpoints import Services
from brightfield.api.reading.inputs import read_body
from brightfield.api.schema.responses import answers
from brightfield.api.schema.shapes.common import StoredImage
from brightfield.errors import EmptyBody
from brightfield.images.decode import describe

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
async def put_image(request: Request) -> dict[str, Any]:
    services: Services = request.app.state.services
    settings = services.engine.settings
    with services.admission.admit():
        body = await read_body(request, settings.max_bytes)
        if not body:
            raise EmptyBody("The body is empty; send an image's bytes.")
        # Refuse what no later request could read, while the sender is still listening.
        facts = await asyncio.to_thread(describe, body)
        image_id = await asyncio.to_thread(services.images.put, body)
    return {
        "id": image_id,
        "bytes": len(body),
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "expires_in": settings.image_ttl,
    }
