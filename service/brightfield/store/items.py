"""The items of collections: a vector each, with an id, metadata and perhaps a thumbnail."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import InvalidVectors, ItemDiffers, UnknownItem
from brightfield.store import hnsw_table, tables
from brightfield.store.collections import Collection, Properties, known
from brightfield.store.database import reading, writing

Outcome = Literal["added", "unchanged", "replaced"]

# Both databases have a bound on the values of one statement.
_AT_ONCE = 500
_ROWS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class NewItem:
    """An item to be added; `source` is the digest of what was sent for it."""

    id: str
    source: str
    metadata: Mapping[str, Any]
    vector: NDArray[np.float32]
    thumbnail: bytes | None = None
    image: bytes | None = None


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item without its vector."""

    number: int
    id: str
    source: str
    metadata: Mapping[str, Any]


class Items:
    """The items of all collections; every change is on disk when its method returns.

    Every method may be called from any thread. Items are kept by number: in the order of addition,
    and never used twice. Raises `UnknownCollection` wherever a collection is named.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self, name: str, items: Sequence[NewItem], *, replace: bool = False
    ) -> list[Outcome | ItemDiffers]:
        """Add all items in one transaction; the outcome for each.

        The same id with the same source and metadata counts once; with others it is an
        `ItemDiffers` in the place of that item, or, with `replace`, it replaces the former.
        Raises `InvalidVectors` if the first vector has another length than the collection's.
        """
        if not items:
            return []
        with writing(self._engine) as connection:
            collection = known(connection, name, lock=True)
            dim = _checked_dim(collection, items)
            there = _by_ids(connection, collection.key, [item.id for item in items])
            plan = _Plan(collection.added, there, replace)
            outcomes = [plan.place(item) for item in items]
            _delete(connection, collection.key, plan.dropped)
            _insert(connection, collection, plan.fresh)
            _count(connection, collection, plan, dim)
        return outcomes

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """Delete the items with these ids; the number of deleted ones."""
        with writing(self._engine) as connection:
            collection = known(connection, name, lock=True)
            numbers = [item.number for item in _by_ids(connection, collection.key, ids).values()]
            _delete(connection, collection.key, numbers)
            table = tables.collections
            change = sa.update(table).where(table.c.key == collection.key)
            gone = len(numbers)
            connection.execute(
                change.values(size=table.c.size - gone, deletions=table.c.deletions + gone)
            )
        return gone

    def find(self, key: str, ids: Sequence[str]) -> dict[str, StoredItem]:
        """The existing items with these ids."""
        with reading(self._engine) as connection:
            return _by_ids(connection, key, ids)

    def get(self, collection: Collection, item_id: str) -> StoredItem:
        """Raises `UnknownItem`."""
        found = self.find(collection.key, [item_id]).get(item_id)
        if found is None:
            raise UnknownItem(f"The collection {collection.name} has no item {item_id!r}.")
        return found

    def by_number(self, key: str, numbers: Sequence[int]) -> dict[int, StoredItem]:
        """The existing items with these numbers."""
        table = tables.collection_items
        found: dict[int, StoredItem] = {}
        with reading(self._engine) as connection:
            for start in range(0, len(numbers), _AT_ONCE):
                some = list(numbers[start : start + _AT_ONCE])
                query = _select_items(key).where(table.c.number.in_(some))
                found |= {row.number: StoredItem(*row) for row in connection.execute(query)}
        return found

    def after(self, key: str, number: int = 0) -> Iterator[StoredItem]:
        """The items after `number`, in order, read lazily."""
        table = tables.collection_items
        query = _select_items(key).where(table.c.number > number).order_by(table.c.number)
        with (
            reading(self._engine) as connection,
            connection.execution_options(yield_per=_ROWS).execute(query) as found,
        ):
            for row in found:
                yield StoredItem(*row)

    def numbers(self, key: str) -> NDArray[np.int64]:
        """The numbers of all items, in their order."""
        table = tables.collection_items
        query = sa.select(table.c.number).where(table.c.collection == key).order_by(table.c.number)
        with reading(self._engine) as connection:
            return np.array(connection.scalars(query).all(), np.int64)

    def vectors(
        self, key: str, properties: Properties, number: int = 0, *, rows: int = _ROWS
    ) -> Generator[tuple[NDArray[np.int64], NDArray[np.float32]], None, None]:
        """Numbers (n,) and vectors (n, D) of the items after `number`, `rows` at a time."""
        table = tables.collection_items
        query = sa.select(table.c.number, table.c.vector).where(
            table.c.collection == key, table.c.number > number
        )
        with reading(self._engine) as connection:
            held = connection.execution_options(yield_per=rows)
            # Closed on PostgreSQL too, where the caller leaves before the end.
            with held.execute(query.order_by(table.c.number)) as found:
                for part in found.partitions():
                    yield _stacked(part, properties)

    def vectors_of(
        self, key: str, properties: Properties, numbers: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Numbers (n,), ascending, and vectors (n, D) of those of these items that exist."""
        c = tables.collection_items.c
        found: list[Any] = []
        with reading(self._engine) as connection:
            for start in range(0, len(numbers), _AT_ONCE):
                some = list(numbers[start : start + _AT_ONCE])
                query = sa.select(c.number, c.vector).where(c.collection == key, c.number.in_(some))
                found += connection.execute(query).all()
        found.sort(key=lambda row: int(row.number))
        return _stacked(found, properties)

    def vector(self, collection: Collection, number: int) -> list[float]:
        """The values of an item. Raises `UnknownItem` if it was deleted meanwhile."""
        c = tables.collection_items.c
        query = sa.select(c.vector).where(c.collection == collection.key, c.number == number)
        with reading(self._engine) as connection:
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            raise UnknownItem("The item was deleted a moment ago.")
        stored = np.dtype(collection.properties.dtype).newbyteorder("<")
        values: list[float] = np.frombuffer(found, stored).astype(np.float32).tolist()
        return values

    def thumbnails(self, key: str, numbers: Sequence[int]) -> dict[int, bytes]:
        """The thumbnails of those of these items that have one."""
        table = tables.collection_thumbnails
        found: dict[int, bytes] = {}
        with reading(self._engine) as connection:
            for start in range(0, len(numbers), _AT_ONCE):
                some = list(numbers[start : start + _AT_ONCE])
                query = sa.select(table.c.number, table.c.body).where(
                    table.c.collection == key, table.c.number.in_(some)
                )
                found |= {row.number: row.body for row in connection.execute(query)}
        return found

    def image(self, key: str, number: int) -> bytes:
        """The image of an item. Raises `UnknownItem` if it has none or is gone."""
        c = tables.collection_images.c
        query = sa.select(c.body).where(c.collection == key, c.number == number)
        with reading(self._engine) as connection:
            found: bytes | None = connection.execute(query).scalar_one_or_none()
        if found is None:
            raise UnknownItem("The item was added as a vector, or is gone, and has no image.")
        return found


class _Plan:
    """The outcome of an addition, item by item."""

    def __init__(self, last: int, there: Mapping[str, StoredItem], replace: bool) -> None:
        self.last = last
        self.dropped: list[int] = []
        self._there = dict(there)
        self._replace = replace
        self._new: dict[int, NewItem] = {}

    @property
    def fresh(self) -> dict[int, NewItem]:
        """The items to insert, by number."""
        return self._new

    def place(self, item: NewItem) -> Outcome | ItemDiffers:
        former = self._there.get(item.id)
        if former is not None:
            if (former.source, former.metadata) == (item.source, dict(item.metadata)):
                return "unchanged"
            if not self._replace:
                return differs(item.id)
            if self._new.pop(former.number, None) is None:
                self.dropped.append(former.number)
        self.last += 1
        self._there[item.id] = StoredItem(self.last, item.id, item.source, dict(item.metadata))
        self._new[self.last] = item
        return "added" if former is None else "replaced"


def differs(item_id: str) -> ItemDiffers:
    return ItemDiffers(
        f"The item {item_id!r} is there with another image, vector or metadata; send it with "
        "replace=true, or under another id."
    )


def _checked_dim(collection: Collection, items: Sequence[NewItem]) -> int:
    dims = {len(item.vector) for item in items}
    wanted = collection.dim if collection.dim is not None else len(items[0].vector)
    if dims != {wanted}:
        wrong = next(iter(dims - {wanted}))
        raise InvalidVectors(
            f"A vector has {wrong} values and those of the collection {collection.name} have "
            f"{wanted}; send vectors of one model and layer, or make another collection."
        )
    return wanted


def _select_items(key: str) -> sa.Select[Any]:
    c = tables.collection_items.c
    return sa.select(c.number, c.id, c.source, c.metadata).where(c.collection == key)


def _by_ids(connection: Connection, key: str, ids: Sequence[str]) -> dict[str, StoredItem]:
    found: dict[str, StoredItem] = {}
    unique = list(dict.fromkeys(ids))
    for start in range(0, len(unique), _AT_ONCE):
        some = unique[start : start + _AT_ONCE]
        query = _select_items(key).where(tables.collection_items.c.id.in_(some))
        found |= {row.id: StoredItem(*row) for row in connection.execute(query)}
    return found


def _stacked(
    rows: Sequence[Any], properties: Properties
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows of the database with `number` and `vector` as arrays (n,) and (n, D)."""
    stored = np.dtype(properties.dtype).newbyteorder("<")
    joined = np.frombuffer(b"".join(row.vector for row in rows), stored)
    numbers = np.array([row.number for row in rows], np.int64)
    vectors = joined.reshape(len(rows), -1) if rows else joined.reshape(0, 0)
    return numbers, vectors.astype(np.float32)


def _delete(connection: Connection, key: str, numbers: Sequence[int]) -> None:
    hnsw_table.forget(connection, key, numbers)
    table = tables.collection_items
    for start in range(0, len(numbers), _AT_ONCE):
        some = list(numbers[start : start + _AT_ONCE])
        connection.execute(
            sa.delete(table).where(table.c.collection == key, table.c.number.in_(some))
        )


def _insert(connection: Connection, collection: Collection, fresh: Mapping[int, NewItem]) -> None:
    stored = np.dtype(collection.properties.dtype).newbyteorder("<")
    rows = [
        {
            "collection": collection.key,
            "number": number,
            "id": item.id,
            "source": item.source,
            "metadata": dict(item.metadata),
            "vector": item.vector.astype(stored).tobytes(),
        }
        for number, item in fresh.items()
    ]
    if rows:
        connection.execute(sa.insert(tables.collection_items), rows)
    thumbnails = {number: item.thumbnail for number, item in fresh.items()}
    _insert_bodies(connection, tables.collection_thumbnails, collection.key, thumbnails)
    images = {number: item.image for number, item in fresh.items()}
    _insert_bodies(connection, tables.collection_images, collection.key, images)


def _insert_bodies(
    connection: Connection, table: sa.Table, key: str, bodies: Mapping[int, bytes | None]
) -> None:
    rows = [
        {"collection": key, "number": number, "body": body}
        for number, body in bodies.items()
        if body is not None
    ]
    if rows:
        connection.execute(sa.insert(table), rows)


def _count(connection: Connection, collection: Collection, plan: _Plan, dim: int) -> None:
    table, gone = tables.collections, len(plan.dropped)
    connection.execute(
        sa.update(table)
        .where(table.c.key == collection.key)
        .values(
            dim=dim,
            added=plan.last,
            size=table.c.size + len(plan.fresh) - gone,
            deletions=table.c.deletions + gone,
        )
    )
