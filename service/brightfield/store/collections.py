"""Collections: what vectors of one kind have in common."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import CollectionDiffers, ModelChanged, UnknownCollection, nearest
from brightfield.store import hnsw_table, shards, tables
from brightfield.store.database import reading, writing
from brightfield.store.ownership import project_of
from brightfield.store.shards import Reach
from brightfield.store.turns import ALONE, Turn


@dataclass(frozen=True, slots=True)
class Properties:
    """Properties of all items, which never change. Without a model only vectors can be added.

    `model_sha256` is that of the weights that made the first collection's vectors, None if
    there are none.
    """

    model: str | None = None
    model_version: str | None = None
    model_sha256: str | None = None
    layer: str | None = None
    pool: str | None = None
    normalize: bool = False
    metric: Literal["cosine", "euclidean"] = "cosine"
    dtype: Literal["float32", "float16"] = "float32"
    keep_images: bool = False


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as it stands. `dim` is None before the first vector; `created` is seconds since
    1970, `size` the number of items; `changes` is how often an item came or went, which every
    change of the items raises, and `deletions` how often one went. `reach` has the number of the
    newest item of each shard.

    `model_digest` is that of everything that made the vectors (`models.loading.makeup`). It is
    None without a model, and in collections of earlier versions until an image is added."""

    key: str
    name: str
    properties: Properties
    dim: int | None
    created: float
    size: int
    changes: int
    deletions: int
    reach: Reach
    model_digest: str | None = None


@dataclass(frozen=True, slots=True)
class VectorOrigin:
    """The collection that vectors were made for, by its key, and the digest of the model that made
    them; None where the caller brought them."""

    key: str
    digest: str | None = None


_COLUMNS = [column for column in tables.collections.c if column.name != "project"]
_SUMS = ("size", "changes", "deletions")  # over the shards

# What a re-embedded collection may have other than the one that it replaces.
OF_THE_MODEL = frozenset({"model_version", "model_sha256", "model_digest"})


class Collections:
    """The collections in a store; every change is on disk when its method returns.

    Every method may be called from any thread.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def make(
        self,
        name: str,
        properties: Properties,
        dim: int | None = None,
        model_digest: str | None = None,
    ) -> tuple[Collection, bool]:
        """A new collection and True, or the one that exists with the same properties and False.

        Raises `CollectionDiffers` if it exists with other properties, and `ModelChanged` if only
        the model isn't what it was.
        """
        key = uuid.uuid4().hex
        values = {
            "key": key,
            "name": name,
            "properties": asdict(properties),
            "dim": dim,
            "model_digest": model_digest,
            "created": self._clock(),
        }
        while True:
            try:
                with writing(self._engine) as connection:
                    there = find(connection, name)
                    if there is None:
                        own = {**values, "project": project_of(connection)}
                        connection.execute(sa.insert(tables.collections).values(**own))
                        shards.make(connection, key)
                        return known(connection, name), True
                    _check_same(there, properties, dim, model_digest)
                    return there, False
            except sa.exc.IntegrityError:
                pass  # on PostgreSQL another maker may have been quicker, and its collection gone

    def get(self, name: str) -> Collection:
        """Raises `UnknownCollection` with the nearest names."""
        with reading(self._engine) as connection:
            return known(connection, name)

    def all(self) -> list[Collection]:
        """Every collection of the project, by name."""
        with reading(self._engine) as connection:
            return list(_found(connection, _of_the_project(connection)))

    def delete(self, name: str) -> Collection:
        """With its items, projections and index; the collection that was there.

        Raises `UnknownCollection`.
        """
        with writing(self._engine) as connection:
            there = known(connection, name, ALONE)
            remove(connection, there)
        return there


def find(connection: Connection, name: str, turn: Turn | None = None) -> Collection | None:
    """The collection of that name, for who writes when it is their turn: then it is there until
    the transaction's end."""
    table = tables.collections
    query = _of_the_project(connection).where(table.c.name == name)
    if turn is not None:
        turn.take(connection, f"collection {project_of(connection)}/{name}")
        query = query.with_for_update(of=table, read=True, key_share=True)
    return next(_found(connection, query), None)


def known(connection: Connection, name: str, turn: Turn | None = None) -> Collection:
    """As `find`; raises `UnknownCollection` with the nearest names."""
    there = find(connection, name, turn)
    if there is None:
        names = [each.name for each in _found(connection, _of_the_project(connection))]
        raise UnknownCollection(
            f"There is no collection {name!r}.{nearest(name, names)} Make it with "
            f"PUT /collections/{name}, or see GET /collections."
        )
    return there


def held(connection: Connection, collection: Collection, turn: Turn = ALONE) -> Collection:
    """The collection as it is now, when it is one's turn.

    Raises `UnknownCollection` if it was deleted, even if another has its name.
    """
    now = known(connection, collection.name, turn)
    check_key(now, collection.key)
    return now


def check_key(now: Collection, key: str) -> None:
    """Raises `UnknownCollection` where another collection has taken the name of the one meant."""
    if now.key != key:
        raise UnknownCollection(
            f"The collection {now.name} was deleted meanwhile, and another has its name; ask again."
        )


def adopt(connection: Connection, collection: Collection, origin: VectorOrigin, turn: Turn) -> None:
    """Whether these vectors may come into the collection.

    One whose digest isn't known takes that of the vectors, alone. Raises `UnknownCollection` if
    it isn't the one that they were made for, `ModelChanged`, and `InTheWay`.
    """
    check_key(collection, origin.key)
    if origin.digest is None or origin.digest == collection.model_digest:
        return
    if collection.model_digest is not None:
        raise model_changed(collection)
    turn.need_alone()
    table = tables.collections
    change = sa.update(table).where(table.c.key == collection.key)
    connection.execute(change.values(model_digest=origin.digest))


def model_changed(collection: Collection, what: str = "") -> ModelChanged:
    """The refusal to mix vectors of two models; `what` says how the model differs now."""
    properties = collection.properties
    return ModelChanged(
        f"The collection {collection.name} was made with {properties.model} version "
        f"{properties.model_version}, and the model is not the same now"
        f"{what and f': {what}'}; embed the images anew with `brightfield reembed "
        f"{collection.name} FOLDER`, restore the model, or make another collection."
    )


def remove(connection: Connection, collection: Collection) -> None:
    """With its items, projections and index; alone."""
    hnsw_table.drop(connection, collection.key)
    table = tables.collections
    connection.execute(sa.delete(table).where(table.c.key == collection.key))


def _of_the_project(connection: Connection) -> sa.Select[Any]:
    """A row for each shard of each collection."""
    table, parts = tables.collections, tables.collection_shards
    counted = [parts.c[name] for name in (*_SUMS, "newest")]
    joined = sa.select(*_COLUMNS, *counted).join(parts, parts.c.collection == table.c.key)
    own = joined.where(table.c.project == project_of(connection))
    return own.order_by(table.c.name, parts.c.shard)


def _found(connection: Connection, query: sa.Select[Any]) -> Iterator[Collection]:
    rows = connection.execute(query).mappings().all()
    for _, of_one in groupby(rows, key=lambda row: row["key"]):
        parts = list(of_one)
        values = {column.name: parts[0][column.name] for column in _COLUMNS}
        values["properties"] = Properties(**values["properties"])
        sums = {each: sum(row[each] for row in parts) for each in _SUMS}
        yield Collection(**values, **sums, reach=tuple(row["newest"] for row in parts))


def _check_same(
    there: Collection, properties: Properties, dim: int | None, model_digest: str | None
) -> None:
    wanted = {**asdict(properties), "dim": dim, "model_digest": model_digest}
    found = {**asdict(there.properties), "dim": there.dim, "model_digest": there.model_digest}
    if dim is None:
        del wanted["dim"]
    if there.model_digest is None:
        del wanted["model_digest"]
    differing = [
        {"location": name, "expected": found[name], "received": value}
        for name, value in wanted.items()
        if found[name] != value
    ]
    if not differing:
        return
    if {each["location"] for each in differing} <= OF_THE_MODEL:
        raise model_changed(there)
    raise _differs(f"The collection {there.name} is there with other properties", differing)


def _differs(what: str, differing: Sequence[Mapping[str, Any]]) -> CollectionDiffers:
    parts = "; ".join(f"{e['location']} is {e['expected']!r}" for e in differing)
    return CollectionDiffers(
        f"{what}: {parts}. Take another name, or delete it first.", errors=list(differing)
    )
