"""/collections/{name}/projection: maps that are kept."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from brightfield.api.image_endpoints import Services
from brightfield.api.reading.collection_requests import carried_out, read_posted, written
from brightfield.api.reading.inputs import query_of
from brightfield.api.reading.parameters import parse
from brightfield.api.routes.collections import Name
from brightfield.api.schema.openapi_collections import describe_projections, describe_query
from brightfield.collections.projections import PlotChoice, outlined
from brightfield.collections.queries import ItemSelection, watched
from brightfield.collections.services import projection_catalog
from brightfield.engine.engine import Progress
from brightfield.errors import ConflictingParameter, InvalidParameter, nearest
from brightfield.progress import no_progress
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
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    openapi_extra=describe_projections(_CATALOG, ItemSelection, _DEFAULT),
)
async def post_projection(name: Name, request: Request) -> Response:
    services = _services(request)
    settings, work_ = services.engine.settings, services.collections
    with services.admission.admit() as claim:
        posted = await read_posted(request, settings.max_bytes)
        method = str(posted.parameters.pop("method", _DEFAULT))
        if method not in _CATALOG:
            known = sorted(_CATALOG)
            raise InvalidParameter(
                f"There is no projection {method!r}.{nearest(method, known)} Known: "
                f"{', '.join(known)}.",
                errors=[{"location": "method", "expected": known, "received": method}],
            )
        projection, choice = parse((_CATALOG[method], ItemSelection), posted.parameters)
        assert isinstance(choice, ItemSelection)

        async def work(ticket: Ticket, progress: Progress | None) -> Response:
            step = watched(ticket, progress)
            make = work_.charting.make
            chart = await work_.exploring.off_loop(make, name, projection, choice.filter, step)
            document = await asyncio.to_thread(work_.charting.listed, chart)
            return written(document, settings.max_reply_bytes)

        return await carried_out(request, f"/collections/{name}/projection", claim, work)


@router.get("/{name}/projection", summary="The maps of a collection, the newest first.")
async def list_projections(name: Name, request: Request) -> dict[str, Any]:
    found = await asyncio.to_thread(_services(request).collections.charting.all, name)
    return {"projections": [outlined(outline) for outline in found]}


@router.get(
    "/{name}/projection/{map_id}",
    summary="A map with its points; what was added since is placed, and nothing moves.",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def get_projection(name: Name, map_id: MapId, request: Request) -> Response:
    services = _services(request)
    charting, exploring = services.collections.charting, services.collections.exploring
    chart = await exploring.off_loop(charting.get, name, map_id)
    document = await asyncio.to_thread(charting.listed, chart)
    return written(document, services.engine.settings.max_reply_bytes)


@router.get(
    "/{name}/projection/{map_id}/plot",
    summary="A map as a picture: thumbnails at their places, or points coloured by a field.",
    response_class=Response,
    responses=_PLOT,
    openapi_extra=describe_query(PlotChoice),
)
async def get_plot(name: Name, map_id: MapId, request: Request) -> Response:
    (query,) = parse((PlotChoice,), query_of(request))
    assert isinstance(query, PlotChoice)
    services = _services(request)
    charting, exploring = services.collections.charting, services.collections.exploring
    query = await _with_worst(services, query)
    content = await exploring.off_loop(charting.plot, name, map_id, query)
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


@router.delete("/{name}/projection/{map_id}", summary="Delete a map.")
async def delete_projection(name: Name, map_id: MapId, request: Request) -> dict[str, Any]:
    await asyncio.to_thread(_services(request).collections.charting.delete, name, map_id)
    return {"deleted": map_id}


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services
