"""/collections/{name}: neighbours, clusters, and what looks wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request, Response

from brightfield.api.conduct import Understood, conduct, no_models
from brightfield.api.door.needs import needs
from brightfield.api.reading.collection_requests import image_of, understand_posted
from brightfield.api.reading.parameters import parse
from brightfield.api.reading.received import Received, off_loop
from brightfield.api.routes.collections import Name, model_of
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_collections import describe_options, describe_question
from brightfield.api.schema.responses import answers, binary
from brightfield.api.schema.shapes.collections import (
    DisputedLabels,
    DuplicateGroups,
    ItemClusters,
    NearestItems,
    OutlyingItems,
)
from brightfield.api.services import Services, services_of
from brightfield.api.writing.collections import items_reply
from brightfield.api.writing.formats import unused
from brightfield.collections.neighbors import SearchExample
from brightfield.collections.quality import DuplicateSearch, LabelCheck, OutlierSearch
from brightfield.collections.queries import Clustering, Search, watched
from brightfield.engine.view import View
from brightfield.images.selection import Selection
from brightfield.parameters import Parameters
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket

Options = TypeVar("Options", bound=Parameters)
Explore = Callable[[str, Options, Progress], dict[str, Any]]
"""Answers about the collection of that name; blocks, and tells of its steps."""

router = APIRouter(tags=["collections"], prefix="/collections")


class NeighborForm(Parameters):
    """The form of the reply."""

    format: Literal["json", "png"] = "json"
    """`json`, or `png`: the query and its neighbours side by side."""
    legend: bool = False
    """Say below the picture what was searched."""

    def check(self) -> None:
        """Raises `InvalidParameter` for a legend of what isn't a picture."""
        if self.legend and self.format != "png":
            raise unused("legend", self.format, ("png",))


@router.post(
    "/{name}/neighbors",
    summary="The items nearest an image, a vector or an item; exact, or by an index.",
    response_class=Response,
    responses=answers(NearestItems, job=True, media=binary(("image/png",))),
)
@described(describe_question, Search, NeighborForm)
@needs("read", job="write")
async def post_neighbors(name: Name, request: Request) -> Response:
    async def understand(services: Services, received: Received) -> Understood:
        posted = await off_loop(received, understand_posted, received, ("vector", "id"))
        item_id = posted.members.get("id", posted.parameters.pop("id", None))
        models = (Search, View, Selection, NeighborForm)
        search, view, selection, form = parse(models, posted.parameters)
        form.check()
        example = SearchExample(
            await image_of(posted, services.images),
            posted.members.get("vector"),
            None if item_id is None else str(item_id),
            view,
            selection,
            posted.images[0].name if posted.images else None,
        )

        async def respond(ticket: Ticket, progress: Progress | None) -> Response:
            neighbors = services.collections.neighbors
            found = await neighbors.find(name, search, example, ticket, progress)
            if form.format == "png":
                drawn = await neighbors.drawn(found, example, ticket, legend=form.legend)
                return Response(drawn, media_type="image/png")
            return await asyncio.to_thread(items_reply, found, services.settings.max_reply_bytes)

        embedded = example.image is not None and search.space != "pixels"
        needed = model_of(services, name) if embedded else no_models
        return Understood(respond, lengthy=False, models=needed)

    return await conduct(request, understand, job=f"/collections/{name}/neighbors")


@router.post(
    "/{name}/clusters",
    summary="k-means: labels, sizes, inertia, silhouette, the items nearest each centre.",
    response_class=Response,
    responses=answers(ItemClusters, job=True),
)
@described(describe_options, Clustering, job=True)
@needs("read", job="write")
async def post_clusters(name: Name, request: Request) -> Response:
    clusters = services_of(request).collections.queries.clusters
    return await explored(request, name, "clusters", Clustering, clusters)


@router.post(
    "/{name}/duplicates",
    summary="Duplicates and near duplicates, in groups.",
    response_class=Response,
    responses=answers(DuplicateGroups, job=True),
)
@described(describe_options, DuplicateSearch, job=True)
@needs("read", job="write")
async def post_duplicates(name: Name, request: Request) -> Response:
    quality = services_of(request).collections.quality
    return await explored(request, name, "duplicates", DuplicateSearch, quality.duplicates)


@router.post(
    "/{name}/outliers",
    summary="Items that lie apart, by their local outlier factor.",
    response_class=Response,
    responses=answers(OutlyingItems, job=True),
)
@described(describe_options, OutlierSearch, job=True)
@needs("read", job="write")
async def post_outliers(name: Name, request: Request) -> Response:
    quality = services_of(request).collections.quality
    return await explored(request, name, "outliers", OutlierSearch, quality.outliers)


@router.post(
    "/{name}/disagreements",
    summary="Labels that disagree with those of their neighbours.",
    response_class=Response,
    responses=answers(DisputedLabels, job=True),
)
@described(describe_options, LabelCheck, job=True)
@needs("read", job="write")
async def post_disagreements(name: Name, request: Request) -> Response:
    quality = services_of(request).collections.quality
    return await explored(request, name, "disagreements", LabelCheck, quality.disagreements)


async def explored(
    request: Request, name: str, what: str, options: type[Options], explore: Explore[Options]
) -> Response:
    """Read the options, and answer at once or as a job, in a thread of those that explore."""

    async def understand(services: Services, received: Received) -> Understood:
        posted = await off_loop(received, understand_posted, received)
        (given,) = parse((options,), posted.parameters)

        async def respond(ticket: Ticket, progress: Progress | None) -> Response:
            step = watched(ticket, progress)
            found = await services.collections.queries.off_loop(explore, name, given, step)
            return await asyncio.to_thread(items_reply, found, services.settings.max_reply_bytes)

        return Understood(respond)

    return await conduct(request, understand, job=f"/collections/{name}/{what}")
