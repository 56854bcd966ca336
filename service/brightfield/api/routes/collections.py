"""/collections: vectors that are kept, with ids and metadata."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from brightfield.api.image_endpoints import Services
from brightfield.api.reading.collection_requests import (
    NewItemFields,
    added_reply,
    array_of,
    carried_out,
    read_posted,
    sources_of,
    written,
)
from brightfield.api.reading.inputs import query_of
from brightfield.api.reading.parameters import parse
from brightfield.api.schema.openapi_collections import (
    describe_items,
    describe_options,
    describe_query,
)
from brightfield.collections.adding import CollectionDefinition
from brightfield.collections.queries import ItemSelection
from brightfield.engine.engine import Progress
from brightfield.engine.view import View
from brightfield.errors import ConflictingParameter, EmptyBody, InvalidParameter, UnknownItem
from brightfield.images.selection import Selection
from brightfield.parameters import Ids
from brightfield.runtime.ticket import Ticket
from brightfield.store.collections import Collection
from brightfield.store.metadata_filter import Filter

router = APIRouter(tags=["collections"], prefix="/collections")

Name = Annotated[
    str,
    Path(
        description="Of the collection: letters, digits, `.`, `_` and `-`.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
    ),
]
ItemId = Annotated[str, Path(description="The item's id, which may have slashes.")]

_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}


class ItemListQuery(ItemSelection):
    """Which items are listed."""

    after: int = 0
    """Behind the item of this number; `next` of the last page."""
    limit: Annotated[int, Field(ge=1, le=10_000)] = 100
    """How many items, at most."""


class Removal(ItemSelection):
    """Which items are deleted: those of the ids, or those that pass the filter."""

    ids: Ids | None = None
    """Ids with commas, or as a JSON list."""


@router.put(
    "/{name}",
    summary="Make a collection; asking for it again changes nothing.",
    openapi_extra=describe_options(CollectionDefinition),
)
async def put_collection(name: Name, request: Request, response: Response) -> dict[str, Any]:
    services = _services(request)
    posted = await read_posted(request, services.engine.settings.max_bytes)
    (definition,) = parse((CollectionDefinition,), posted.parameters)
    assert isinstance(definition, CollectionDefinition)
    collection, made = await services.collections.collecting.make(name, definition)
    response.status_code = 201 if made else 200
    return described(collection)


@router.get("", summary="Every collection.")
async def list_collections(request: Request) -> dict[str, Any]:
    found = await asyncio.to_thread(_services(request).collections.shelves.collections.all)
    return {"collections": [described(collection) for collection in found]}


@router.get("/{name}", summary="What a collection is made of, and how many items it has.")
async def get_collection(name: Name, request: Request) -> dict[str, Any]:
    return described(await _collection(request, name))


@router.delete("/{name}", summary="Delete a collection with its items and maps.")
async def delete_collection(name: Name, request: Request) -> dict[str, Any]:
    shelves = _services(request).collections.shelves
    collection = await _collection(request, name)
    await asyncio.to_thread(shelves.collections.delete, name)
    shelves.vectors.forget(collection)
    return {"deleted": name}


@router.post(
    "/{name}/items",
    summary="Add images, or vectors; an id that is there with the same content counts once.",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    openapi_extra=describe_items(NewItemFields),
)
async def post_items(name: Name, request: Request) -> Response:
    services = _services(request)
    settings = services.engine.settings
    with services.admission.admit() as claim:
        posted = await read_posted(request, settings.max_bytes, ("vectors",))
        if "vectors" in posted.members:
            if posted.images:
                raise ConflictingParameter("Send images or `vectors`, not both at once.")
            return await _add_vectors(request, name, posted.members["vectors"], posted.parameters)
        if not posted.images:
            raise EmptyBody("There is nothing to add; send images, or `vectors` in JSON.")
        intake, view, selection = parse((NewItemFields, View, Selection), posted.parameters)
        assert isinstance(intake, NewItemFields) and isinstance(view, View)
        assert isinstance(selection, Selection)
        claim.extend(len(posted.images))
        sources = sources_of(posted.images, intake, services.images)

        async def work(ticket: Ticket, progress: Progress | None) -> Response:
            added = await services.collections.collecting.add_images(
                name, sources, view, selection, ticket, progress, replace=intake.replace
            )
            return added_reply(request, name, added, settings.max_reply_bytes)

        return await carried_out(request, f"/collections/{name}/items", claim, work)


async def _add_vectors(
    request: Request, name: str, given: Any, parameters: dict[str, Any]
) -> Response:
    services = _services(request)
    (intake,) = parse((NewItemFields,), parameters)
    assert isinstance(intake, NewItemFields)
    vectors = array_of(given)
    try:
        count = len(vectors)
    except TypeError:
        raise InvalidParameter("`vectors` is a list of rows of numbers.") from None
    add = partial(
        services.collections.collecting.add_vectors,
        name,
        vectors,
        intake.ids_of(count),
        intake.metadata_of(count),
        replace=intake.replace,
    )
    added = await asyncio.to_thread(add)
    return added_reply(request, name, added, services.engine.settings.max_reply_bytes)


@router.get(
    "/{name}/items",
    summary="Items in the order of their addition, page by page.",
    openapi_extra=describe_query(ItemListQuery),
)
async def list_items(name: Name, request: Request) -> dict[str, Any]:
    (query,) = parse((ItemListQuery,), query_of(request))
    assert isinstance(query, ItemListQuery)
    collection = await _collection(request, name)
    items, wanted = _services(request).collections.shelves.items, Filter.read(query.filter)

    def page() -> list[Any]:
        passing = (i for i in items.after(collection.key, query.after) if wanted(i.metadata))
        return list(islice(passing, query.limit))

    found = await asyncio.to_thread(page)
    return {
        "items": [{"id": item.id, "metadata": item.metadata} for item in found],
        "next": found[-1].number if len(found) == query.limit else None,
        "total": collection.size,
    }


@router.delete(
    "/{name}/items",
    summary="Delete items by their ids, or by a filter.",
    openapi_extra=describe_query(Removal),
)
async def delete_items(name: Name, request: Request) -> dict[str, Any]:
    (query,) = parse((Removal,), query_of(request))
    assert isinstance(query, Removal)
    if (query.ids is None) == (not query.filter):
        raise InvalidParameter("Name the items to delete by `ids` or by a `filter`.")
    collection = await _collection(request, name)
    items, wanted = _services(request).collections.shelves.items, Filter.read(query.filter)

    def delete() -> int:
        ids = query.ids or [i.id for i in items.after(collection.key) if wanted(i.metadata)]
        return items.delete(name, ids)

    return {"deleted": await asyncio.to_thread(delete)}


@router.get(
    "/{name}/items/{item_id:path}/thumbnail",
    summary="A small picture of an item.",
    response_class=Response,
    responses=_JPEG,
)
async def get_thumbnail(name: Name, item_id: ItemId, request: Request) -> Response:
    collection = await _collection(request, name)
    items = _services(request).collections.shelves.items
    item = await asyncio.to_thread(items.get, collection, item_id)
    found = await asyncio.to_thread(items.thumbnails, collection.key, [item.number])
    if item.number not in found:
        raise UnknownItem(f"The item {item_id!r} was added as a vector and has no thumbnail.")
    return Response(found[item.number], media_type="image/jpeg")


@router.get("/{name}/items/{item_id:path}", summary="An item: its metadata and its vector.")
async def get_item(name: Name, item_id: ItemId, request: Request) -> Response:
    services = _services(request)
    collection = await _collection(request, name)
    items = services.collections.shelves.items
    item = await asyncio.to_thread(items.get, collection, item_id)
    vector = await asyncio.to_thread(items.vector, collection, item.number)
    document = {"id": item.id, "metadata": item.metadata, "source": item.source, "vector": vector}
    return written(document, services.engine.settings.max_reply_bytes)


@router.delete("/{name}/items/{item_id:path}", summary="Delete an item.")
async def delete_item(name: Name, item_id: ItemId, request: Request) -> dict[str, Any]:
    items = _services(request).collections.shelves.items
    if not await asyncio.to_thread(items.delete, name, [item_id]):
        raise UnknownItem(f"The collection {name} has no item {item_id!r}.")
    return {"deleted": 1}


def described(collection: Collection) -> dict[str, Any]:
    """A collection as JSON."""
    return {
        "name": collection.name,
        **asdict(collection.properties),
        "dim": collection.dim,
        "items": collection.size,
        "created": collection.created,
    }


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _collection(request: Request, name: str) -> Collection:
    return await asyncio.to_thread(_services(request).collections.shelves.collections.get, name)
