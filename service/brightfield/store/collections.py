"""Collections: what vectors of one kind have in common."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import CollectionDiffers, ModelChanged, UnknownCollection, nearest
from brightfield.store import hnsw_table, tables
from brightfield.store.database import reading, writing
from brightfield.store.ownership import project_of


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
    1970, `size` the number of items; `added` and `deletions` grow with each of them.

    `model_digest` is that of everything that made the vectors (`models.loading.makeup`). It is
    None without a model, and in collections of earlier versions until an image is added."""

    key: str
    name: str
    properties: Properties
    dim: int | None
    created: float
    size: int
    added: int
    deletions: int
    model_digest: str | None = None

    @property
    def changes(self) -> int:
        """How often an item came or went: a number that every change of the items raises."""
        return self.added + self.deletions


@dataclass(frozen=True, slots=True)
class VectorOrigin:
    """The collection that vectors were made for, by its key, and the digest of the model that made
    them; None where the caller brought them."""

    key: str
    digest: str | None = None


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
        values = {
            "key": uuid.uuid4().hex,
            "name": name,
            "properties": asdict(properties),
            "dim": dim,
            "model_digest": model_digest,
            "created": self._clock(),
            **dict.fromkeys(("size", "added", "deletions"), 0),
        }
        while True:
            try:
                with writing(self._engine) as connection:
                    there = find(connection, name)
                    if there is None:
                        own = {**values, "project": project_of(connection)}
                        connection.execute(sa.insert(tables.collections).values(**own))
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
            rows = connection.execute(_of_the_project(connection).order_by("name")).all()
        return [_collection(row) for row in rows]

    def delete(self, name: str) -> Collection:
        """With its items, projections and index; the collection that was there.

        Raises `UnknownCollection`.
        """
        with writing(self._engine) as connection:
            there = known(connection, name, lock=True)
            remove(connection, there)
        return there


def find(connection: Connection, name: str, *, lock: bool = False) -> Collection | None:
    """The collection of that name; with `lock` no other writer changes it until the transaction's
    end, on PostgreSQL too."""
    table = tables.collections
    query = _of_the_project(connection).where(table.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _collection(row)


def known(connection: Connection, name: str, *, lock: bool = False) -> Collection:
    """As `find`; raises `UnknownCollection` with the nearest names."""
    there = find(connection, name, lock=lock)
    if there is None:
        names = [row.name for row in connection.execute(_of_the_project(connection))]
        raise UnknownCollection(
            f"There is no collection {name!r}.{nearest(name, names)} Make it with "
            f"PUT /collections/{name}, or see GET /collections."
        )
    return there


def locked(connection: Connection, collection: Collection) -> Collection:
    """The collection as it is now, which nobody else changes until the transaction's end.

    Raises `UnknownCollection` if it was deleted, even if another has its name.
    """
    now = known(connection, collection.name, lock=True)
    check_key(now, collection.key)
    return now


def check_key(now: Collection, key: str) -> None:
    """Raises `UnknownCollection` where another collection has taken the name of the one meant."""
    if now.key != key:
        raise UnknownCollection(
            f"The collection {now.name} was deleted meanwhile, and another has its name; ask again."
        )


def adopt(connection: Connection, collection: Collection, origin: VectorOrigin) -> None:
    """Under the collection's lock: whether these vectors may come into it.

    A collection whose digest isn't known takes that of the vectors. Raises `UnknownCollection` if
    it isn't the one that they were made for, and `ModelChanged`.
    """
    check_key(collection, origin.key)
    if origin.digest is None or origin.digest == collection.model_digest:
        return
    if collection.model_digest is not None:
        raise model_changed(collection)
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
    """Under the collection's lock, with its items, projections and index."""
    hnsw_table.drop(connection, collection.key)
    table = tables.collections
    connection.execute(sa.delete(table).where(table.c.key == collection.key))


def _of_the_project(connection: Connection) -> sa.Select[Any]:
    table = tables.collections
    columns = [column for column in table.c if column.name != "project"]
    return sa.select(*columns).where(table.c.project == project_of(connection))


def _collection(row: Any) -> Collection:
    values = dict(row._mapping)
    return Collection(**{**values, "properties": Properties(**values["properties"])})


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
