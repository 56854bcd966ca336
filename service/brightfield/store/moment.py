"""A collection and its items at one moment, whatever others write meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from brightfield.errors import UnknownItem
from brightfield.store import item_queries
from brightfield.store.collections import Collection
from brightfield.store.item_queries import StoredItem
from brightfield.store.shards import Reach


@dataclass(frozen=True, slots=True)
class Moment:
    """What one transaction that reads sees; made by `Items.moment`."""

    connection: Connection
    collection: Collection

    def numbers(self) -> NDArray[np.int64]:
        """The numbers of all items, in their order."""
        return item_queries.numbers(self.connection, self.collection.key)

    def items(self, after: int = 0) -> Iterator[StoredItem]:
        """The items after a number, in order, without their vectors."""
        return item_queries.after(self.connection, self.collection.key, after)

    def newer(self, reach: Reach) -> Iterator[StoredItem]:
        """The items that came since, in order, without their vectors."""
        now = self.collection
        return item_queries.newer(self.connection, now.key, reach, now.reach)

    def vectors(self, reach: Reach) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Numbers (n,) and vectors (n, D) of the items that came since, some at a time."""
        now = self.collection
        return item_queries.vectors(self.connection, now.key, now.properties, reach, now.reach)

    def by_ids(self, ids: Sequence[str]) -> dict[str, StoredItem]:
        """The existing items with these ids."""
        return item_queries.by_ids(self.connection, self.collection.key, ids)

    def get(self, item_id: str) -> StoredItem:
        """Raises `UnknownItem`."""
        found = self.by_ids([item_id]).get(item_id)
        if found is None:
            raise UnknownItem(f"The collection {self.collection.name} has no item {item_id!r}.")
        return found

    def vectors_of(self, numbers: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Numbers (n,), ascending, and vectors (n, D) of those of these items that exist."""
        key, properties = self.collection.key, self.collection.properties
        return item_queries.vectors_of(self.connection, key, properties, numbers)

    def vector(self, item: StoredItem) -> NDArray[np.float32]:
        """The vector (D,) of an item of this moment."""
        _, rows = self.vectors_of([item.number])
        row: NDArray[np.float32] = rows[0]
        return row

    def thumbnail(self, item: StoredItem) -> bytes | None:
        """The small picture of an item of this moment; None for one that was added as a vector."""
        found = item_queries.thumbnails(self.connection, self.collection.key, [item.number])
        return found.get(item.number)
