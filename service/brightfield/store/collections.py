"""Collections: what vectors of one kind have in common."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import CollectionDiffers, UnknownCollection, nearest
from brightfield.store import hnsw_table, tables
from brightfield.store.database import reading, writing


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
    1970, `size` the number of items; `added` and `deletions` grow with each of them."""

    key: str
    name: str
    properties: Properties
    dim: int | None
    created: float
    size: int
    added: int
    deletions: int


class Collections:
    """The collections in a store; every change is on disk when its method returns.

    Every method may be called from any thread.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def make(self, name: str, properties: Properties, dim: int | None = None) -> bool:
        """Make a collection; False if it exists already with the same properties.

        Raises `CollectionDiffers` if it exists with other properties.
        """
        values = {
            "key": uuid.uuid4().hex,
            "name": name,
            "properties": asdict(properties),
            "dim": dim,
            "created": self._clock(),
            **dict.fromkeys(("size", "added", "deletions"), 0),
        }
        try:
            with writing(self._engine) as connection:
                there = find(connection, name)
                if there is None:
                    connection.execute(sa.insert(tables.collections).values(**values))
                    return True
        except sa.exc.IntegrityError:  # on PostgreSQL another maker may have been quicker
            there = self.get(name)
        _check_same(there, properties, dim)
        return False

    def get(self, name: str) -> Collection:
        """Raises `UnknownCollection` with the nearest names."""
        with reading(self._engine) as connection:
            return known(connection, name)

    def all(self) -> list[Collection]:
        """Every collection, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(tables.collections).order_by("name")).all()
        return [_collection(row) for row in rows]

    def delete(self, name: str) -> None:
        """With its items, projections and index. Raises `UnknownCollection`."""
        with writing(self._engine) as connection:
            key = known(connection, name, lock=True).key
            hnsw_table.drop(connection, key)
            table = tables.collections
            connection.execute(sa.delete(table).where(table.c.key == key))


def find(connection: Connection, name: str, *, lock: bool = False) -> Collection | None:
    """The collection of that name; with `lock` no other writer changes it until the transaction's
    end, on PostgreSQL too."""
    table = tables.collections
    query = sa.select(table).where(table.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _collection(row)


def known(connection: Connection, name: str, *, lock: bool = False) -> Collection:
    """As `find`; raises `UnknownCollection` with the nearest names."""
    there = find(connection, name, lock=lock)
    if there is None:
        names = list(connection.scalars(sa.select(tables.collections.c.name)).all())
        raise UnknownCollection(
            f"There is no collection {name!r}.{nearest(name, names)} Make it with "
            f"PUT /collections/{name}, or see GET /collections."
        )
    return there


def _collection(row: Any) -> Collection:
    values = dict(row._mapping)
    return Collection(**{**values, "properties": Properties(**values["properties"])})


def _check_same(there: Collection, properties: Properties, dim: int | None) -> None:
    wanted = {**asdict(properties), "dim": dim}
    found = {**asdict(there.properties), "dim": there.dim}
    if dim is None:
        del wanted["dim"]
    differing = [
        {"location": name, "expected": found[name], "received": value}
        for name, value in wanted.items()
        if found[name] != value
    ]
    if differing:
        parts = "; ".join(f"{e['location']} is {e['expected']!r}" for e in differing)
        raise CollectionDiffers(
            f"The collection {there.name} is there with other properties: {parts}. Take another "
            "name, or delete it first.",
            errors=differing,
        )
