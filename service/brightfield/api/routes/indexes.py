"""/collections/{name}/index: an index by which neighbours are found faster, and not quite all."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from brightfield.api.collections import carried_out, read_posted, written
from brightfield.api.exchange import Services
from brightfield.api.openapi_collections import describe_options
from brightfield.api.parameters import parse
from brightfield.api.routes.collections import Name
from brightfield.engine.engine import Progress
from brightfield.engine.exploring import watched
from brightfield.engine.indexing import IndexOptions
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["collections"], prefix="/collections")


@router.put(
    "/{name}/index",
    summary="Build the index of a collection (HNSW, in PostgreSQL), and measure its recall.",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    openapi_extra=describe_options(IndexOptions, job=True),
)
async def put_index(name: Name, request: Request) -> Response:
    services = _services(request)
    settings, work_ = services.engine.settings, services.collections
    with services.admission.admit() as claim:
        posted = await read_posted(request, settings.max_bytes)
        (options,) = parse((IndexOptions,), posted.parameters)
        assert isinstance(options, IndexOptions)

        async def work(ticket: Ticket, progress: Progress | None) -> Response:
            step = watched(ticket, progress)
            made = await work_.exploring.off_loop(work_.indexing.build, name, options, step)
            return written(made, settings.max_reply_bytes)

        return await carried_out(request, f"/collections/{name}/index", claim, work)


@router.get("/{name}/index", summary="What the index was built with, holds and finds.")
async def get_index(name: Name, request: Request) -> dict[str, Any]:
    return await asyncio.to_thread(_services(request).collections.indexing.describe, name)


@router.delete("/{name}/index", summary="Delete the index; searches are exact without it.")
async def delete_index(name: Name, request: Request) -> dict[str, Any]:
    await asyncio.to_thread(_services(request).collections.indexing.drop, name)
    return {"deleted": f"{name}/index"}


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services
