"""/collections/{name}/projection: maps that are kept."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from brightfield.api.conduct import Understood, conduct
from brightfield.api.door.needs import needs
from brightfield.api.reading.collection_requests import understand_posted
from brightfield.api.reading.parameters import member_of, parse, query_of
from brightfield.api.reading.received import Received, off_loop
from brightfield.api.routes.collections import Name
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_collections import describe_projections, describe_query
from brightfield.api.schema.responses import answers
from brightfield.api.schema.shapes.common import Deleted
from brightfield.api.schema.shapes.projections import ProjectionDescription, ProjectionList
from brightfield.api.services import Services, services_of
from brightfield.api.writing.collections import items_reply
from brightfield.api.writing.sized import listed
from brightfield.collections.projections import PlotChoice, outlined
from brightfield.collections.queries import ItemSelection, watched
from brightfield.collections.services import projection_catalog
from brightfield.errors import ConflictingParameter
from brightfield.progress import Progress, no_progress
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["collections"], prefix="/collections")

MapId = Annotated[str, Path(description="The `id` of the projection.")]

_CATALOG = projection_catalog()
_DEFAULT = "tsne"
_PLOT: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "image/svg+xml": {"schema": {"type": "string"}},
        }
    }
}


@router.post(
    "/{name}/projection",
    summary="A map of the items in two or three dimensions, which is kept.",
    response_class=Response,
    responses=answers(ProjectionDescription, job=True),
)
@described(describe_projections, _CATALOG, ItemSelection, _DEFAULT)
@needs("write", stores=True)
async def post_projection(name: Name, request: Request) -> Response:
    async def understand(services: Services, received: Received) -> Understood:
        projections, queries = services.collections.projections, services.collections.queries
        posted = await off_loop(received, understand_posted, received)
        method = str(posted.parameters.pop("method", _DEFAULT))
        kind = member_of(_CATALOG, method, "method", "projection")
        projection, items = parse((kind, ItemSelection), posted.parameters)

        async def respond(ticket: Ticket, progress: Progress | None) -> Response:
            step = watched(ticket, progress)
            made = await queries.off_loop(projections.make, name, projection, items.filter, step)
            document = await asyncio.to_thread(projections.listed, made)
            return await asyncio.to_thread(items_reply, document, services.settings.max_reply_bytes)

        return Understood(respond)

    return await conduct(request, understand, job=f"/collections/{name}/projection")


@router.get(
    "/{name}/projection",
    summary="The maps of a collection, the newest first.",
    response_model=None,
    responses=answers(ProjectionList),
)
@needs("read")
async def list_projections(name: Name, request: Request) -> Response:
    services = services_of(request)

    def every() -> dict[str, Any]:
        found = services.collections.projections.all(name)
        return {"projections": [outlined(outline) for outline in found]}

    return await listed(every, services.settings.max_reply_bytes)


@router.get(
    "/{name}/projection/{map_id}",
    summary="A map with its points; what was added since is placed, and nothing moves.",
    response_class=Response,
    responses=answers(ProjectionDescription),
)
@needs("read")
async def get_projection(name: Name, map_id: MapId, request: Request) -> Response:
    services = services_of(request)
    projections, queries = services.collections.projections, services.collections.queries
    found = await queries.off_loop(projections.get, name, map_id)
    document = await asyncio.to_thread(projections.listed, found)
    return await asyncio.to_thread(items_reply, document, services.settings.max_reply_bytes)


@router.get(
    "/{name}/projection/{map_id}/plot",
    summary="A map as a picture: thumbnails at their places, or points coloured by a field.",
    response_class=Response,
    responses=_PLOT,
)
@described(describe_query, PlotChoice)
@needs("read")
async def get_plot(name: Name, map_id: MapId, request: Request) -> Response:
    (query,) = parse((PlotChoice,), query_of(request.query_params))
    services = services_of(request)
    projections, queries = services.collections.projections, services.collections.queries
    query = await _with_worst(services, query)
    content = await queries.off_loop(projections.plot, name, map_id, query)
    media_type = "image/png" if query.format == "png" else "image/svg+xml"
    return Response(content, media_type=media_type)


async def _with_worst(services: Services, choice: PlotChoice) -> PlotChoice:
    """The choice with the ids of the run's worst cases. Raises `UnknownRun`."""
    if choice.run is None:
        return choice
    if choice.ids is not None:
        raise ConflictingParameter(
            "Name items by `ids` or by the worst cases of a `run`, not both."
        )
    work = partial(services.runs.report, choice.run, no_progress)
    report = await services.engine.evaluating(work)
    return choice.model_copy(update={"ids": tuple(str(case["id"]) for case in report["worst"])})


@router.delete(
    "/{name}/projection/{map_id}",
    summary="Delete a map.",
    response_model=None,
    responses=answers(Deleted),
)
@needs("write")
async def delete_projection(name: Name, map_id: MapId, request: Request) -> dict[str, Any]:
    await asyncio.to_thread(services_of(request).collections.projections.delete, name, map_id)
    return {"deleted": map_id}
