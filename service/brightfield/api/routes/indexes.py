"""/collections/{name}/index: an index by which neighbours are found faster, and not quite all."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from brightfield.api.door.needs import needs
from brightfield.api.routes.collections import Name
from brightfield.api.routes.exploring import explored
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_collections import describe_options
from brightfield.api.schema.responses import answers
from brightfield.api.schema.shapes.collections import IndexDescription
from brightfield.api.schema.shapes.common import Deleted
from brightfield.api.services import services_of
from brightfield.collections.index import IndexOptions

router = APIRouter(tags=["collections"], prefix="/collections")


@router.put(
    "/{name}/index",
    summary="Build the index of a collection (HNSW, in PostgreSQL), and measure its recall.",
    response_class=Response,
    responses=answers(IndexDescription, job=True),
)
@described(describe_options, IndexOptions, job=True)
@needs("write", stores=True)
async def put_index(name: Name, request: Request) -> Response:
    build = services_of(request).collections.indexes.build
    return await explored(request, name, "index", IndexOptions, build)


@router.get(
    "/{name}/index",
    summary="What the index was built with, holds and finds.",
    response_model=None,
    responses=answers(IndexDescription),
)
@needs("read")
async def get_index(name: Name, request: Request) -> dict[str, Any]:
    return await asyncio.to_thread(services_of(request).collections.indexes.describe, name)


@router.delete(
    "/{name}/index",
    summary="Delete the index; searches are exact without it.",
    response_model=None,
    responses=answers(Deleted),
)
@needs("write")
async def delete_index(name: Name, request: Request) -> dict[str, Any]:
    await asyncio.to_thread(services_of(request).collections.indexes.drop, name)
    return {"deleted": f"{name}/index"}
