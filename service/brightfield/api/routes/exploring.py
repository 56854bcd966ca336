"""/collections/{name}: neighbours, clusters, and what looks wrong."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from brightfield.api.image_endpoints import Services
from brightfield.api.reading.collection_requests import (
    carried_out,
    explored,
    image_of,
    one_of,
    read_posted,
    written,
)
from brightfield.api.reading.parameters import parse
from brightfield.api.routes.collections import Name
from brightfield.api.schema.openapi_collections import describe_options, describe_question
from brightfield.api.schema.responses import answers
from brightfield.api.schema.shapes.collections import (
    DisputedLabels,
    DuplicateGroups,
    ItemClusters,
    NearestItems,
    OutlyingItems,
)
from brightfield.collections.adding import embedded, pictured
from brightfield.collections.quality import DuplicateSearch, LabelCheck, OutlierSearch
from brightfield.collections.queries import Clustering, Search, watched
from brightfield.engine.engine import Progress
from brightfield.engine.view import View
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["collections"], prefix="/collections")


@router.post(
    "/{name}/neighbors",
    summary="The items nearest an image, a vector or an item; exact, or by an index.",
    response_class=Response,
    responses=answers(NearestItems, job=True),
    openapi_extra=describe_question(Search),
)
async def post_neighbors(name: Name, request: Request) -> Response:
    services = _services(request)
    settings, exploring = services.engine.settings, services.collections.exploring
    neighbors = services.collections.indexing.neighbors
    with services.admission.admit() as claim:
        posted = await read_posted(request, settings.max_bytes, ("vector", "id"))
        item_id = posted.members.get("id", posted.parameters.pop("id", None))
        vector = posted.members.get("vector")
        search, view, selection = parse((Search, View, Selection), posted.parameters)
        assert isinstance(search, Search) and isinstance(view, View)
        assert isinstance(selection, Selection)
        data = await asyncio.to_thread(image_of, posted, services.images)
        one_of({"image": data, "vector": vector, "id": item_id})

        async def work(ticket: Ticket, progress: Progress | None) -> Response:
            given: Any = None if vector is None else [vector]
            picture = None
            if data is not None and search.space == "pixels":
                picture = await asyncio.to_thread(pictured, services.engine, data, selection)
            elif data is not None:
                found = services.collections.shelves.collections.get
                collection = await asyncio.to_thread(found, name)
                row = await embedded(services.engine, collection, data, view, selection, ticket)
                given = row[None]
            wanted = None if item_id is None else str(item_id)
            answer = await exploring.off_loop(
                neighbors, name, search, given, wanted, picture, watched(ticket, progress)
            )
            return written(answer, settings.max_reply_bytes)

        return await carried_out(request, f"/collections/{name}/neighbors", claim, work)


@router.post(
    "/{name}/clusters",
    summary="k-means: labels, sizes, inertia, silhouette, the items nearest each centre.",
    response_class=Response,
    responses=answers(ItemClusters, job=True),
    openapi_extra=describe_options(Clustering, job=True),
)
async def post_clusters(name: Name, request: Request) -> Response:
    exploring = _services(request).collections.exploring
    return await explored(request, name, "clusters", Clustering, exploring.clusters)


@router.post(
    "/{name}/duplicates",
    summary="Duplicates and near duplicates, in groups.",
    response_class=Response,
    responses=answers(DuplicateGroups, job=True),
    openapi_extra=describe_options(DuplicateSearch, job=True),
)
async def post_duplicates(name: Name, request: Request) -> Response:
    vetting = _services(request).collections.vetting
    return await explored(request, name, "duplicates", DuplicateSearch, vetting.duplicates)


@router.post(
    "/{name}/outliers",
    summary="Items that lie apart, by their local outlier factor.",
    response_class=Response,
    responses=answers(OutlyingItems, job=True),
    openapi_extra=describe_options(OutlierSearch, job=True),
)
async def post_outliers(name: Name, request: Request) -> Response:
    vetting = _services(request).collections.vetting
    return await explored(request, name, "outliers", OutlierSearch, vetting.outliers)


@router.post(
    "/{name}/disagreements",
    summary="Labels that disagree with those of their neighbours.",
    response_class=Response,
    responses=answers(DisputedLabels, job=True),
    openapi_extra=describe_options(LabelCheck, job=True),
)
async def post_disagreements(name: Name, request: Request) -> Response:
    vetting = _services(request).collections.vetting
    return await explored(request, name, "disagreements", LabelCheck, vetting.disagreements)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services
