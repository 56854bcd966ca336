"""Filling collections: images become vectors by the way of all images, and are kept with ids."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from brightfield.collections.item_checks import check_id, check_metadata, check_storable
from brightfield.collections.vector_cache import VectorCache
from brightfield.embedding.vectors import checked
from brightfield.engine.answer import Answer, MultiImageAnswer
from brightfield.engine.engine import Engine
from brightfield.engine.image_bytes_held import HeldDecoding
from brightfield.engine.view import View
from brightfield.errors import BrightfieldError, InvalidParameter, ModelChanged
from brightfield.images.picture import Note
from brightfield.images.selection import Selection
from brightfield.images.thumbnail import thumbnail
from brightfield.models.inspection import layers
from brightfield.parameters import Parameters
from brightfield.progress import Progress, Step
from brightfield.runtime.ticket import Ticket
from brightfield.store.collections import (
    Collection,
    Collections,
    Properties,
    VectorOrigin,
    model_changed,
)
from brightfield.store.item_queries import StoredItem
from brightfield.store.items import Items, NewItem, Outcome, differs
from brightfield.store.projections import Projections
from brightfield.tasks.embed import Embed, Embedding

AddedOrFault = Outcome | BrightfieldError


class CollectionDefinition(Parameters):
    """What a collection is made of; it never changes."""

    model: str | None = None
    """A model's id as in GET /models. Default: the model of /embed; none if `dim` is given."""
    layer: str = "penultimate"
    """As at /embed."""
    pool: Literal["mean", "max", "none"] = "mean"
    """As at /embed."""
    normalize: bool = False
    """As at /embed."""
    metric: Literal["cosine", "euclidean"] = "cosine"
    """What distances mean: 1 - cosine, or the Euclidean distance."""
    dtype: Literal["float32", "float16"] = "float32"
    """How vectors are stored; float16 takes half the space and keeps 3 digits."""
    keep_images: bool = False
    """Also keep the images themselves; /patches over the collection needs them."""
    dim: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Length of a vector, for a collection without a model, which takes only vectors."""


@dataclass(frozen=True, slots=True)
class CollectionStores:
    """The parts of the store that collections need, and their vectors in memory."""

    collections: Collections
    items: Items
    projections: Projections
    vectors: VectorCache


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to be added: `load` gives its bytes; without an `id` their SHA-256 is taken."""

    load: Callable[[], bytes]
    id: str | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Added:
    """An item's id and what became of it."""

    id: str | None
    outcome: AddedOrFault


@dataclass(frozen=True, slots=True)
class AddedItems:
    """What became of each item, and what the caller should know."""

    items: list[Added]
    notes: tuple[Note, ...] = ()


class CollectionWriter:
    """Makes and fills collections."""

    def __init__(self, engine: Engine, stores: CollectionStores) -> None:
        self._engine = engine
        self._stores = stores

    def model_of(self, definition: CollectionDefinition) -> str | None:
        """The model that such a collection is made by; None for one of vectors alone."""
        if definition.model is None and definition.dim is not None:
            return None
        return definition.model or self._engine.default_model("embed")

    async def make(
        self, name: str, definition: CollectionDefinition, ticket: Ticket
    ) -> tuple[Collection, bool]:
        """The collection, and whether it is new. Raises `CollectionDiffers`, `ModelChanged`, or as
        /embed does for a model or layer that is not there, or not in memory by the deadline."""
        digest = None
        wanted = Properties(
            metric=definition.metric,
            dtype=definition.dtype,
            keep_images=definition.keep_images,
        )
        if (model := self.model_of(definition)) is not None:
            async with self._engine.registry.use(model, ticket) as resident:
                layers.resolve(resident.module, definition.layer, resident.card.explain)
                wanted = replace(
                    wanted,
                    model=model,
                    model_version=resident.card.version,
                    model_sha256=resident.sha256,
                    layer=definition.layer,
                    pool=definition.pool,
                    normalize=definition.normalize,
                )
                digest = resident.digest
        make = self._stores.collections.make
        return await asyncio.to_thread(make, name, wanted, definition.dim, digest)

    async def add_images(
        self,
        name: str,
        sources: Sequence[NewImage],
        view: View,
        selection: Selection,
        ticket: Ticket,
        progress: Progress | None = None,
        *,
        replace: bool = False,
    ) -> AddedItems:
        """Embed and keep images; what is wrong with one alone stands in its place.

        What is there already is not embedded again. All that is new is kept in one transaction.
        Raises `ModelChanged` if the model isn't the one that made the other vectors.
        """
        collection = await asyncio.to_thread(self._stores.collections.get, name)
        embed = embedding_task(collection, view)
        intake = _Intake(self._engine, self._stores.items, collection, embed, replace)
        added = await intake.take_in(
            sources, view.model_copy(update={"model": collection.properties.model}), selection,
            ticket, progress,
        )  # fmt: skip
        unknown = collection.size > 0 and collection.model_digest is None
        return AddedItems(added, (_UNKNOWN_DIGEST,) if unknown and intake.digests else ())

    def add_vectors(
        self,
        name: str,
        vectors: Any,
        ids: Sequence[str | None],
        metadata: Sequence[Mapping[str, Any]],
        *,
        replace: bool = False,
    ) -> AddedItems:
        """Keep vectors that are there already. Raises `InvalidVectors`, `InvalidParameter`."""
        collection = self._stores.collections.get(name)
        rows = checked(vectors, collection.dim)
        check_storable(collection, rows)
        if len(rows) != len(ids):
            raise InvalidParameter(f"There are {len(rows)} vectors and {len(ids)} ids.")
        made = []
        for row, item_id, facts in zip(rows, ids, metadata, strict=True):
            source = f"vector:{hashlib.sha256(row.tobytes()).hexdigest()}"
            made.append(
                NewItem(
                    check_id(source if item_id is None else item_id),
                    source,
                    check_metadata(facts),
                    row,
                )
            )
        outcomes = self._stores.items.add(
            name, made, replace=replace, origin=VectorOrigin(collection.key)
        )
        return AddedItems(_added(made, outcomes))


class _Intake:
    """The way of one request's images into a collection."""

    def __init__(
        self, engine: Engine, items: Items, collection: Collection, embed: Embed, replace: bool
    ) -> None:
        self._engine = engine
        self._items = items
        self._collection = collection
        self._embed = embed
        self._replace = replace
        self.digests: set[str | None] = set()
        """Of the model, as it made the vectors."""

    async def take_in(
        self,
        sources: Sequence[NewImage],
        view: View,
        selection: Selection,
        ticket: Ticket,
        progress: Progress | None,
    ) -> list[Added]:
        options = f"{view.model_dump_json(exclude={'model'})}{selection.model_dump_json()}"
        loaded = await asyncio.to_thread(self._loaded, sources, options)
        names = [load.id for load in loaded if isinstance(load, _Loaded)]
        there = await asyncio.to_thread(self._items.find, self._collection.key, names)
        count, done = len(sources), 0

        async def one(load: _Loaded | Added) -> NewItem | Added:
            nonlocal done
            made = await self._one(load, there, view, selection, ticket)
            done += 1
            if progress is not None:
                progress(Step(done, count))
            return made

        made = await asyncio.gather(*(one(load) for load in loaded))
        fresh = [item for item in made if isinstance(item, NewItem)]
        kept = iter(await asyncio.to_thread(self._kept, fresh))
        return [next(kept) if isinstance(item, NewItem) else item for item in made]

    def _kept(self, fresh: Sequence[NewItem]) -> list[Added]:
        if len(self.digests) > 1:
            raise model_changed(self._collection, "it was loaded anew while images were embedded")
        origin = VectorOrigin(self._collection.key, *self.digests)
        name = self._collection.name
        return _added(fresh, self._items.add(name, fresh, replace=self._replace, origin=origin))

    def _loaded(self, sources: Sequence[NewImage], options: str) -> list[_Loaded | Added]:
        found: list[_Loaded | Added] = []
        for source in sources:
            try:
                data = source.load()
                digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
                item_id = check_id(source.id if source.id is not None else digest)
                metadata = check_metadata(source.metadata)
            except BrightfieldError as fault:
                found.append(Added(source.id, fault))
                continue
            seen = digest if options == _PLAIN else _with_options(digest, options)
            found.append(_Loaded(item_id, seen, metadata, data))
        return found

    async def _one(
        self,
        load: _Loaded | Added,
        there: Mapping[str, StoredItem],
        view: View,
        selection: Selection,
        ticket: Ticket,
    ) -> NewItem | Added:
        if isinstance(load, Added):
            return load
        former = there.get(load.id)
        if former is not None and (former.source, former.metadata) == (load.source, load.metadata):
            return Added(load.id, "unchanged")
        if former is not None and not self._replace:
            return Added(load.id, differs(load.id))
        try:
            answer = await self._engine.answer(self._embed, load.data, view, selection, ticket)
            vector = vector_of(answer, self._collection)
            self.digests.add(answer.digest)
        except ModelChanged:
            raise
        except BrightfieldError as fault:
            ticket.check()
            return Added(load.id, fault)
        picture = await asyncio.to_thread(thumbnail, answer.picture.pixels)
        image = load.data if self._collection.properties.keep_images else None
        return NewItem(load.id, load.source, load.metadata, vector, picture, image)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """An image's bytes with the id, source and metadata of the item that it becomes."""

    id: str
    source: str
    metadata: dict[str, Any]
    data: bytes


_PLAIN = f"{View().model_dump_json(exclude={'model'})}{Selection().model_dump_json()}"


_UNKNOWN_DIGEST = Note(
    "model_digest_unknown",
    "The collection was filled by an earlier version, which did not keep the digest of the model's "
    "card and code. They are taken to be those of now; if they were edited since, embed all images "
    "anew with `brightfield reembed`.",
)


def _added(items: Sequence[NewItem], outcomes: Sequence[AddedOrFault]) -> list[Added]:
    return [Added(item.id, outcome) for item, outcome in zip(items, outcomes, strict=True)]


def _with_options(digest: str, options: str) -> str:
    return f"sha256+:{hashlib.sha256(f'{digest}{options}'.encode()).hexdigest()}"


def embedding_task(collection: Collection, view: View) -> Embed:
    """The task that makes the collection's vectors. Raises `InvalidParameter` without a model."""
    properties = collection.properties
    if properties.model is None or properties.layer is None:
        raise InvalidParameter(
            f"The collection {collection.name} has no model; add or ask with `vectors`, or make a "
            "collection with a model."
        )
    if view.model not in (None, properties.model):
        raise InvalidParameter(
            f"The collection {collection.name} is of the model {properties.model}, not of "
            f"{view.model}; leave `model` out, or make another collection.",
            errors=[{"location": "model", "expected": properties.model, "received": view.model}],
        )
    return Embed(layer=properties.layer, pool=properties.pool, normalize=properties.normalize)


def pictured(engine: Engine, data: bytes, selection: Selection, ticket: Ticket) -> bytes:
    """The thumbnail that an image would have. Blocks; raises as decoding does."""
    decoding = HeldDecoding(engine.budget, engine.image_limits)
    picture = decoding.blocking(data, selection, ticket)
    return thumbnail(picture.pixels)


async def embedded(
    engine: Engine,
    collection: Collection,
    data: bytes,
    view: View,
    selection: Selection,
    ticket: Ticket,
) -> NDArray[np.float32]:
    """The vector (D,) of an image, as those of the collection are made."""
    embed = embedding_task(collection, view)
    looking = view.model_copy(update={"model": collection.properties.model})
    answer = await engine.answer(embed, data, looking, selection, ticket)
    return vector_of(answer, collection)


def vector_of(answer: Answer, collection: Collection) -> NDArray[np.float32]:
    """Raises as `check_origin`."""
    check_origin(answer, collection)
    assert isinstance(answer.result, Embedding)
    vector = checked(answer.result.vector[None], collection.dim)
    check_storable(collection, vector)
    row: NDArray[np.float32] = vector[0]
    return row


def check_origin(answer: Answer | MultiImageAnswer, collection: Collection) -> None:
    """Raises `ModelChanged` where the model is no longer the one that the collection began with."""
    properties = collection.properties
    if answer.card.version != properties.model_version:
        raise model_changed(collection, f"it is version {answer.card.version}")
    if answer.sha256 != properties.model_sha256:
        raise model_changed(collection, "it has other weights")
    if collection.model_digest not in (None, answer.digest):
        raise model_changed(collection, "its card or its code was edited")
