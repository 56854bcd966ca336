"""Reading the items of a collection, within a transaction that the caller has."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from brightfield.store import tables
from brightfield.store.collections import Properties
from brightfield.store.shards import Reach, behind

# Both databases have a bound on the values of one statement.
AT_ONCE = 500
ROWS = 1000


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item without its vector."""

    number: int
    id: str
    source: str
    metadata: Mapping[str, Any]


def select_items(key: str) -> sa.Select[Any]:
    c = tables.collection_items.c
    return sa.select(c.number, c.id, c.source, c.metadata).where(c.collection == key)


def by_ids(connection: Connection, key: str, ids: Sequence[str]) -> dict[str, StoredItem]:
    """The existing items with these ids."""
    found: dict[str, StoredItem] = {}
    unique = list(dict.fromkeys(ids))
    for start in range(0, len(unique), AT_ONCE):
        some = unique[start : start + AT_ONCE]
        query = select_items(key).where(tables.collection_items.c.id.in_(some))
        found |= {row.id: StoredItem(*row) for row in connection.execute(query)}
    return found


def after(connection: Connection, key: str, number: int) -> Iterator[StoredItem]:
    """The items after `number`, in order, read lazily."""
    return _in_order(connection, key, tables.collection_items.c.number > number)


def newer(connection: Connection, key: str, reach: Reach, now: Reach) -> Iterator[StoredItem]:
    """The items that came since `reach`, in order, read lazily; `now` is where the shards end."""
    return _in_order(connection, key, behind(tables.collection_items.c.number, reach, now))


def _in_order(
    connection: Connection, key: str, wanted: sa.ColumnElement[bool]
) -> Iterator[StoredItem]:
    query = select_items(key).where(wanted).order_by(tables.collection_items.c.number)
    with connection.execution_options(yield_per=ROWS).execute(query) as found:
        for row in found:
            yield StoredItem(*row)


def numbers(connection: Connection, key: str) -> NDArray[np.int64]:
    """The numbers of all items, in their order."""
    c = tables.collection_items.c
    query = sa.select(c.number).where(c.collection == key).order_by(c.number)
    return np.array(connection.scalars(query).all(), np.int64)


def vectors(
    connection: Connection,
    key: str,
    properties: Properties,
    reach: Reach,
    now: Reach | None = None,
    rows: int = ROWS,
) -> Generator[tuple[NDArray[np.int64], NDArray[np.float32]], None, None]:
    """Numbers (n,) and vectors (n, D) of the items that came since `reach`, in order, `rows` at a
    time; `now` is where the shards end."""
    c = tables.collection_items.c
    later = behind(c.number, reach, now)
    query = sa.select(c.number, c.vector).where(c.collection == key, later)
    held = connection.execution_options(yield_per=rows)
    # Closed on PostgreSQL too, where the caller leaves before the end.
    with held.execute(query.order_by(c.number)) as found:
        for part in found.partitions():
            yield stacked(part, properties)


def vectors_of(
    connection: Connection, key: str, properties: Properties, numbers: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Numbers (n,), ascending, and vectors (n, D) of those of these items that exist."""
    c = tables.collection_items.c
    found: list[Any] = []
    for start in range(0, len(numbers), AT_ONCE):
        some = list(numbers[start : start + AT_ONCE])
        query = sa.select(c.number, c.vector).where(c.collection == key, c.number.in_(some))
        found += connection.execute(query).all()
    found.sort(key=lambda row: int(row.number))
    return stacked(found, properties)


def stacked(
    rows: Sequence[Any], properties: Properties
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows of the database with `number` and `vector` as arrays (n,) and (n, D)."""
    stored = np.dtype(properties.dtype).newbyteorder("<")
    joined = np.frombuffer(b"".join(row.vector for row in rows), stored)
    numbers = np.array([row.number for row in rows], np.int64)
    vectors = joined.reshape(len(rows), -1) if rows else joined.reshape(0, 0)
    return numbers, vectors.astype(np.float32)


def thumbnails(connection: Connection, key: str, numbers: Sequence[int]) -> dict[int, bytes]:
    """The thumbnails of those of these items that have one."""
    c = tables.collection_thumbnails.c
    found: dict[int, bytes] = {}
    for start in range(0, len(numbers), AT_ONCE):
        some = list(numbers[start : start + AT_ONCE])
        query = sa.select(c.number, c.body).where(c.collection == key, c.number.in_(some))
        found |= {row.number: row.body for row in connection.execute(query)}
    return found
