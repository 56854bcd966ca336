"""The items of collections: a vector each, with an id, metadata and perhaps a thumbnail."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import InvalidVectors, ItemDiffers, UnknownItem
from brightfield.store import hnsw_table, item_queries, tables
from brightfield.store.collections import (
    Collection,
    Properties,
    VectorOrigin,
    adopt,
    check_key,
    known,
)
from brightfield.store.database import reading, rows_at_once
from brightfield.store.item_queries import AT_ONCE, ROWS, StoredItem, by_ids, select_items
from brightfield.store.moment import Moment
from brightfield.store.shards import NOTHING, Reach, take
from brightfield.store.turns import InTheWay, Turn, in_turn

Outcome = Literal["added", "unchanged", "replaced"]


@dataclass(frozen=True, slots=True, eq=False)
class NewItem:
    """An item to be added; `source` is the digest of what was sent for it."""

    id: str
    source: str
    metadata: Mapping[str, Any]
    vector: NDArray[np.float32]
    thumbnail: bytes | None = None
    image: bytes | None = None


class Items:
    """The items of all collections; every change is on disk when its method returns.

    Every method may be called from any thread. Items are kept by number: in the order of addition
    as far as one came after another, and never used twice. Raises `UnknownCollection` wherever a
    collection is named.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        name: str,
        items: Sequence[NewItem],
        *,
        replace: bool = False,
        origin: VectorOrigin | None = None,
    ) -> list[Outcome | ItemDiffers]:
        """Add all items in one transaction; the outcome for each.

        With an `origin` they come only into the collection that they were made for, whose model
        may not have changed: raises as `adopt`.

        The same id with the same source and metadata counts once; with others it is an
        `ItemDiffers` in the place of that item, or, with `replace`, it replaces the former.
        Raises `InvalidVectors` if the first vector has another length than the collection's.
        """
        if not items:
            return []
        add = partial(_add, name=name, items=items, replace=replace, origin=origin)
        return in_turn(self._engine, add)

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """Delete the items with these ids; the number of deleted ones."""

        def delete(connection: Connection, turn: Turn) -> int:
            collection = known(connection, name, turn)
            found = by_ids(connection, collection.key, ids)
            return _drop(connection, collection, [item.number for item in found.values()])

        return in_turn(self._engine, delete)

    def delete_passing(self, name: str, passes: Callable[[Mapping[str, Any]], bool]) -> int:
        """Delete the items whose metadata pass; the number of deleted ones.

        None goes that another writer has replaced since it was looked at.
        """
        c = tables.collection_items.c

        def delete(connection: Connection, turn: Turn) -> int:
            collection = known(connection, name, turn)
            query = sa.select(c.number, c.metadata).where(c.collection == collection.key)
            numbers = [row.number for row in connection.execute(query) if passes(row.metadata)]
            return _drop(connection, collection, numbers)

        return in_turn(self._engine, delete)

    def find(self, key: str, ids: Sequence[str]) -> dict[str, StoredItem]:
        """The existing items with these ids."""
        with reading(self._engine) as connection:
            return by_ids(connection, key, ids)

    def by_number(self, key: str, numbers: Sequence[int]) -> dict[int, StoredItem]:
        """The existing items with these numbers."""
        table = tables.collection_items
        found: dict[int, StoredItem] = {}
        with reading(self._engine) as connection:
            for start in range(0, len(numbers), AT_ONCE):
                some = list(numbers[start : start + AT_ONCE])
                query = select_items(key).where(table.c.number.in_(some))
                found |= {row.number: StoredItem(*row) for row in connection.execute(query)}
        return found

    def after(self, key: str, number: int = 0) -> Iterator[StoredItem]:
        """The items after `number`, in order, read lazily."""
        with reading(self._engine) as connection:
            yield from item_queries.after(connection, key, number)

    def numbers(self, key: str) -> NDArray[np.int64]:
        """The numbers of all items, in their order."""
        with reading(self._engine) as connection:
            return item_queries.numbers(connection, key)

    def vectors(
        self, key: str, properties: Properties, reach: Reach = NOTHING, *, rows: int = ROWS
    ) -> Generator[tuple[NDArray[np.int64], NDArray[np.float32]], None, None]:
        """Numbers (n,) and vectors (n, D) of the items that came since, `rows` at a time."""
        with reading(self._engine) as connection:
            yield from item_queries.vectors(connection, key, properties, reach, rows=rows)

    @contextmanager
    def moment(self, name: str, key: str | None = None) -> Iterator[Moment]:
        """The collection at one moment, for as long as the block lasts.

        With a `key` that one alone: raises `UnknownCollection` if another has its name.
        """
        with reading(self._engine) as connection:
            now = known(connection, name)
            if key is not None:
                check_key(now, key)
            yield Moment(connection, now)

    def vectors_of(
        self, key: str, properties: Properties, numbers: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Numbers (n,), ascending, and vectors (n, D) of those of these items that exist."""
        with reading(self._engine) as connection:
            return item_queries.vectors_of(connection, key, properties, numbers)

    def thumbnails(self, key: str, numbers: Sequence[int]) -> dict[int, bytes]:
        """The thumbnails of those of these items that have one."""
        with reading(self._engine) as connection:
            return item_queries.thumbnails(connection, key, numbers)

    def image(self, key: str, number: int) -> bytes:
        """The image of an item. Raises `UnknownItem` if it has none or is gone."""
        c = tables.collection_images.c
        query = sa.select(c.body).where(c.collection == key, c.number == number)
        with reading(self._engine) as connection:
            found: bytes | None = connection.execute(query).scalar_one_or_none()
        if found is None:
            raise UnknownItem("The item was added as a vector, or is gone, and has no image.")
        return found


def _add(
    connection: Connection,
    turn: Turn,
    *,
    name: str,
    items: Sequence[NewItem],
    replace: bool,
    origin: VectorOrigin | None,
) -> list[Outcome | ItemDiffers]:
    """Within a transaction. Raises `InTheWay` where it must be done alone."""
    collection = known(connection, name, turn)
    if origin is not None:
        adopt(connection, collection, origin, turn)
    _check_dim(connection, collection, items, turn)
    shard = take(connection, collection.key)
    there = by_ids(connection, collection.key, [item.id for item in items])
    plan = _Plan(shard.numbers(collection.reach), there, replace)
    outcomes = [plan.place(item) for item in items]
    if len(_delete(connection, collection.key, plan.dropped)) < len(plan.dropped):
        raise InTheWay  # another has just replaced one of them, or deleted it
    _insert(connection, collection, plan.fresh)
    if plan.fresh:
        added, gone = len(plan.fresh), len(plan.dropped)
        shard.note(connection, added=added, gone=gone, newest=plan.newest)
    return outcomes


class _Plan:
    """The outcome of an addition, item by item."""

    def __init__(
        self, numbers: Iterator[int], there: Mapping[str, StoredItem], replace: bool
    ) -> None:
        self.newest = 0
        self._numbers = numbers
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
        number = self.newest = next(self._numbers)
        self._there[item.id] = StoredItem(number, item.id, item.source, dict(item.metadata))
        self._new[number] = item
        return "added" if former is None else "replaced"


def differs(item_id: str) -> ItemDiffers:
    return ItemDiffers(
        f"The item {item_id!r} is there with another image, vector or metadata; send it with "
        "replace=true, or under another id."
    )


def _check_dim(
    connection: Connection, collection: Collection, items: Sequence[NewItem], turn: Turn
) -> None:
    """The first vectors say how long all are; alone."""
    dims = {len(item.vector) for item in items}
    wanted = collection.dim if collection.dim is not None else len(items[0].vector)
    if dims != {wanted}:
        wrong = next(iter(dims - {wanted}))
        raise InvalidVectors(
            f"A vector has {wrong} values and those of the collection {collection.name} have "
            f"{wanted}; send vectors of one model and layer, or make another collection."
        )
    if collection.dim is None:
        turn.need_alone()
        table = tables.collections
        change = sa.update(table).where(table.c.key == collection.key)
        connection.execute(change.values(dim=wanted))


def _drop(connection: Connection, collection: Collection, numbers: Sequence[int]) -> int:
    """Delete those of these items that are still there, and count them."""
    gone = len(_delete(connection, collection.key, numbers))
    if gone:
        take(connection, collection.key).note(connection, gone=gone)
    return gone


def _delete(connection: Connection, key: str, numbers: Sequence[int]) -> list[int]:
    """The numbers of the items that this has deleted."""
    table, gone = tables.collection_items, list[int]()
    for start in range(0, len(numbers), AT_ONCE):
        some = sorted(numbers[start : start + AT_ONCE])
        change = sa.delete(table).where(table.c.collection == key, table.c.number.in_(some))
        gone += connection.scalars(change.returning(table.c.number))
    hnsw_table.forget(connection, key, gone)
    return gone


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
        # In one order, so of two writers of the same ids one waits for the other, and not both.
        for number, item in sorted(fresh.items(), key=lambda each: each[1].id)
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
        largest = max(len(body) for body in bodies.values() if body is not None)
        connection.execute(sa.insert(table), rows, execution_options=rows_at_once(largest))
