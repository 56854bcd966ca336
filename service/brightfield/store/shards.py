"""The shards of a collection, each with numbers of its own: so several write to it at once.

An item's number says its shard, by what is left after division. In a shard numbers come in the
order of the commits, since whoever writes to it holds it until then; so what was read of a shard up
to a number needs to be read no more. A new number is greater than any that was there in any shard
when its writer began, so items that came one after another have numbers in that order. A writer
takes the first shard that is free, so one that is alone always has the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from brightfield.store import tables

SHARDS = 16
"""So many write to one collection at the same time; it can't be changed once items are there."""

Reach = tuple[int, ...]
"""Of each shard, the number up to which something was read."""

NOTHING: Reach = (0,) * SHARDS


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard that this transaction alone writes to; `newest` is the number of its newest item."""

    collection: str
    index: int
    newest: int

    def numbers(self, seen: Reach) -> Iterator[int]:
        """Ascending numbers for new items, greater than those that were seen in any shard."""
        first = max(self.newest, *seen) + 1
        return count(first + (self.index - first) % SHARDS, SHARDS)

    def note(
        self, connection: Connection, *, added: int = 0, gone: int = 0, newest: int = 0
    ) -> None:
        """Count items that came and went. Those that went may have been of any shard: sizes mean
        something in sum alone."""
        table = tables.collection_shards
        own = table.c.collection == self.collection, table.c.shard == self.index
        values = {
            "size": table.c.size + added - gone,
            "changes": table.c.changes + added + gone,
            "deletions": table.c.deletions + gone,
            "newest": max(self.newest, newest),
        }
        connection.execute(sa.update(table).where(*own).values(**values))


def make(connection: Connection, key: str) -> None:
    """The shards of a new collection."""
    empty = dict.fromkeys(("size", "newest", "changes", "deletions"), 0)
    rows = [{"collection": key, "shard": shard, **empty} for shard in range(SHARDS)]
    connection.execute(sa.insert(tables.collection_shards), rows)


def take(connection: Connection, key: str) -> Shard:
    """A shard that nobody else writes to until the transaction's end."""
    table = tables.collection_shards
    query = sa.select(table.c.collection, table.c.shard, table.c.newest)
    own = query.where(table.c.collection == key).order_by(table.c.shard).limit(1)
    row = connection.execute(own.with_for_update(skip_locked=True)).one_or_none()
    if row is None:  # all are written to: wait for any
        some = own.where(table.c.shard == secrets.randbelow(SHARDS))
        row = connection.execute(some.with_for_update()).one()
    return Shard(*row)


def reached(reach: Reach, numbers: NDArray[np.int64]) -> Reach:
    """How far one has come who has read these items, too."""
    newest = np.array(reach, np.int64)
    np.maximum.at(newest, numbers % SHARDS, numbers)
    return tuple(newest.tolist())


def further(one: Reach, other: Sequence[int]) -> Reach:
    """As far as the further of two, in each shard."""
    return tuple(map(max, one, other))


def behind(
    number: sa.ColumnElement[int], reach: Reach, now: Reach | None = None
) -> sa.ColumnElement[bool]:
    """Whether an item isn't among those that were read. `now` is how far the shards go, if that
    is known: those that have nothing new are not looked into."""
    if len(set(reach)) == 1:
        return number > reach[0]
    moved = [shard for shard in range(SHARDS) if now is None or now[shard] > reach[shard]]
    later: list[Any] = [sa.and_(number % SHARDS == shard, number > reach[shard]) for shard in moved]
    lowest = min((reach[shard] for shard in moved), default=0)
    return sa.and_(number > lowest, sa.or_(sa.false(), *later))
