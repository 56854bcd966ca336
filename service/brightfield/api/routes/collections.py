"""/collections: vectors that are kept, with ids and metadata."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from brightfield.api.conduct import Models, Understood, conduct, incoming, no_models
from brightfield.api.door.needs import needs
from brightfield.api.reading.collection_requests import (
    CollectionRequest,
    NewItemFields,
    new_images,
    understand_posted,
    vectors_of,
)
from brightfield.api.reading.parameters import parse, query_of
from brightfield.api.reading.received import Received, off_loop
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_collections import (
    describe_items,
    describe_options,
    describe_query,
)
from brightfield.api.schema.responses import answers, json_response, made
from brightfield.api.schema.shapes.collections import (
    Additions,
    CollectionDescription,
    CollectionList,
    ItemDescription,
    ItemPage,
)
from brightfield.api.schema.shapes.common import Deleted, DeletedItems
from brightfield.api.services import Services, services_of
from brightfield.api.writing.collections import added_reply, collection_json, items_reply
from brightfield.api.writing.sized import listed
from brightfield.collections.adding import AddedItems, CollectionDefinition
from brightfield.collections.contents import Replacement
from brightfield.collections.queries import ItemSelection
from brightfield.engine.view import View
from brightfield.errors import ConflictingParameter, EmptyBody, UnknownCollection
from brightfield.images.selection import Selection
from brightfield.names import NAME
from brightfield.parameters import Ids, Parameters
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["collections"], prefix="/collections")

Name = Annotated[
    str,
    Path(
        description="Of the collection: letters, digits, `.`, `_` and `-`.",
        pattern=f"^{NAME}$",
        max_length=128,
    ),
]
ItemId = Annotated[str, Path(description="The item's id, which may have slashes.")]

_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}


_Adding = Callable[[Ticket, Progress | None], Awaitable[AddedItems]]


class ItemListQuery(ItemSelection):
    """Which items are listed."""

    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Behind the item of this number; `next` of the last page."""
    limit: Annotated[int, Field(ge=1, le=10_000)] = 100
    """How many items, at most."""


class Removal(ItemSelection):
    """Which items are deleted: those of the ids, or those that pass the filter."""

    ids: Ids | None = None
    """Ids with commas, or as a JSON list."""


class NamedItem(Parameters):
    """Which item is meant."""

    id: str
    """The item's id, whatever it is."""


def model_of(services: Services, name: str, named: str | None = None) -> Models:
    """What a request about a collection needs: the model that it names, else the collection's. One
    that isn't there has none: the answer says so."""

    async def models() -> Sequence[str]:
        if named is not None:
            return (named,)
        try:
            found = await asyncio.to_thread(services.collections.contents.get, name)
        except UnknownCollection:
            return ()
        model = found.properties.model
        return () if model is None else (model,)

    return models


@router.put(
    "/{name}",
    summary="Make a collection; asking for it again changes nothing.",
    response_model=None,
    responses=made(CollectionDescription, "It was there already."),
)
@described(describe_options, CollectionDefinition)
@needs("write", stores=True)
async def put_collection(
    name: Name, request: Request, response: Response
) -> dict[str, Any] | Response:
    async with incoming(request) as came:
        posted = await off_loop(came.received, understand_posted, came.received)
        (definition,) = parse((CollectionDefinition,), posted.parameters)
        model, passing = (
            came.services.collections.writer.model_of(definition),
            came.services.passing,
        )
        if model is not None and passing.pools.lacking([model]):
            return await passing.answer(request, came.received.body, [model], came.ticket)
        collection, made = await came.services.collections.writer.make(
            name, definition, came.ticket
        )
    response.status_code = 201 if made else 200
    return collection_json(collection)


@router.get("", summary="Every collection.", response_model=None, responses=answers(CollectionList))
@needs("read")
async def list_collections(request: Request) -> Response:
    services = services_of(request)

    def every() -> dict[str, Any]:
        found = services.collections.contents.all()
        return {"collections": [collection_json(collection) for collection in found]}

    return await listed(every, services.settings.max_reply_bytes)


@router.get(
    "/{name}",
    summary="What a collection is made of, and how many items it has.",
    response_model=None,
    responses=answers(CollectionDescription),
)
@needs("read")
async def get_collection(name: Name, request: Request) -> dict[str, Any]:
    contents = services_of(request).collections.contents
    return collection_json(await asyncio.to_thread(contents.get, name))


@router.delete(
    "/{name}",
    summary="Delete a collection with its items and maps.",
    response_model=None,
    responses=answers(Deleted),
)
@needs("write")
async def delete_collection(name: Name, request: Request) -> dict[str, Any]:
    await asyncio.to_thread(services_of(request).collections.contents.delete, name)
    return {"deleted": name}


@router.post(
    "/{name}/replacement",
    summary="Let another collection of the same items take the place of this one.",
    response_model=None,
    responses=answers(CollectionDescription),
)
@described(describe_options, Replacement)
@needs("write")
async def post_replacement(name: Name, request: Request) -> dict[str, Any]:
    """In one transaction: the other has its name afterwards, and this one is deleted with its maps
    and its index. 409 `collection_differs` unless both have the same properties (but for the
    model's version) and items of the same ids and metadata."""
    async with incoming(request) as came:
        posted = await off_loop(came.received, understand_posted, came.received)
        (replacement,) = parse((Replacement,), posted.parameters)
        contents = came.services.collections.contents
        return collection_json(await asyncio.to_thread(contents.replace, name, replacement))


@router.post(
    "/{name}/items",
    summary="Add images, or vectors; an id that is there with the same content counts once.",
    response_class=Response,
    responses={**answers(Additions, job=True), 207: json_response(Additions, "Some failed.")},
)
@described(describe_items, NewItemFields)
@needs("write", stores=True)
async def post_items(name: Name, request: Request) -> Response:
    async def understand(services: Services, received: Received) -> Understood:
        add, places, models = await off_loop(received, _adding, services, name, received)

        async def respond(ticket: Ticket, progress: Progress | None) -> Response:
            added = await add(ticket, progress)
            limit = services.settings.max_reply_bytes
            return await asyncio.to_thread(added_reply, name, added, received.request_id, limit)

        return Understood(respond, places, models=models)

    return await conduct(request, understand, job=f"/collections/{name}/items")


def _adding(services: Services, name: str, received: Received) -> tuple[_Adding, int, Models]:
    """What adds what was posted, how many images are in flight for it, and by which models."""
    posted = understand_posted(received, ("vectors",))
    if "vectors" in posted.members:
        return _adding_vectors(services, name, posted), 1, no_models
    adding = _adding_images(services, name, posted)
    return adding, len(posted.images), model_of(services, name)


def _adding_images(services: Services, name: str, posted: CollectionRequest) -> _Adding:
    if not posted.images:
        raise EmptyBody("There is nothing to add; send images, or `vectors` in JSON.")
    fields, view, selection = parse((NewItemFields, View, Selection), posted.parameters)
    images = new_images(posted.images, fields, services.images)

    async def add(ticket: Ticket, progress: Progress | None) -> AddedItems:
        return await services.collections.writer.add_images(
            name, images, view, selection, ticket, progress, replace=fields.replace
        )

    return add


def _adding_vectors(services: Services, name: str, posted: CollectionRequest) -> _Adding:
    if posted.images:
        raise ConflictingParameter("Send images or `vectors`, not both at once.")
    (fields,) = parse((NewItemFields,), posted.parameters)
    vectors, count = vectors_of(posted.members["vectors"])
    ids, metadata = fields.ids_of(count), fields.metadata_of(count)

    async def add(ticket: Ticket, progress: Progress | None) -> AddedItems:
        add_vectors = services.collections.writer.add_vectors
        return await asyncio.to_thread(
            add_vectors, name, vectors, ids, metadata, replace=fields.replace
        )

    return add


@router.get(
    "/{name}/items",
    summary="Items in the order of their addition, page by page.",
    response_model=None,
    responses=answers(ItemPage),
)
@described(describe_query, ItemListQuery)
@needs("read")
async def list_items(name: Name, request: Request) -> Response:
    (query,) = parse((ItemListQuery,), query_of(request.query_params))
    services = services_of(request)

    def page() -> dict[str, Any]:
        page = services.collections.contents.page(name, query.filter, query.after, query.limit)
        return {
            "items": [{"id": item.id, "metadata": item.metadata} for item in page.items],
            "next": page.next,
            "total": page.total,
        }

    return await listed(page, services.settings.max_reply_bytes)


@router.delete(
    "/{name}/items",
    summary="Delete items by their ids, or by a filter.",
    response_model=None,
    responses=answers(DeletedItems),
)
@described(describe_query, Removal)
@needs("write")
async def delete_items(name: Name, request: Request) -> dict[str, Any]:
    (query,) = parse((Removal,), query_of(request.query_params))
    delete = services_of(request).collections.contents.delete_items
    return {"deleted": await asyncio.to_thread(delete, name, query.ids, query.filter)}


@router.get(
    "/{name}/item",
    summary="An item by any id: its metadata and its vector.",
    response_class=Response,
    responses=answers(ItemDescription),
)
@described(describe_query, NamedItem)
@needs("read")
async def find_item(name: Name, request: Request) -> Response:
    """The id stands in the query, where it needs no care: in a path, clients and proxies take `..`
    and the like for parts of the address."""
    (query,) = parse((NamedItem,), query_of(request.query_params))
    return await get_item(name, query.id, request)


@router.get(
    "/{name}/thumbnail",
    summary="A small picture of an item by any id.",
    response_class=Response,
    responses=_JPEG,
)
@described(describe_query, NamedItem)
@needs("read")
async def find_thumbnail(name: Name, request: Request) -> Response:
    """As `GET /collections/{name}/item`, the id is in the query."""
    (query,) = parse((NamedItem,), query_of(request.query_params))
    return await get_thumbnail(name, query.id, request)


@router.get(
    "/{name}/items/{item_id:path}/thumbnail",
    summary="A small picture of an item.",
    response_class=Response,
    responses=_JPEG,
)
@needs("read")
async def get_thumbnail(name: Name, item_id: ItemId, request: Request) -> Response:
    contents = services_of(request).collections.contents
    content = await asyncio.to_thread(contents.thumbnail, name, item_id)
    return Response(content, media_type="image/jpeg")


@router.get(
    "/{name}/items/{item_id:path}",
    summary="An item: its metadata and its vector.",
    response_class=Response,
    responses=answers(ItemDescription),
)
@needs("read")
async def get_item(name: Name, item_id: ItemId, request: Request) -> Response:
    services = services_of(request)
    found = await asyncio.to_thread(services.collections.contents.item, name, item_id)
    item = found.item
    document = {
        "id": item.id, "metadata": item.metadata, "source": item.source, "vector": found.vector
    }  # fmt: skip
    return items_reply(document, services.settings.max_reply_bytes)


@router.delete(
    "/{name}/items/{item_id:path}",
    summary="Delete an item.",
    response_model=None,
    responses=answers(DeletedItems),
)
@needs("write")
async def delete_item(name: Name, item_id: ItemId, request: Request) -> dict[str, Any]:
    contents = services_of(request).collections.contents
    await asyncio.to_thread(contents.delete_item, name, item_id)
    return {"deleted": 1}
