"""The vectors of collections in memory, kept up with the store."""

from __future__ import annotations

import threading
from collections import OrderedDict
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.vector_blocks import VectorBlock, VectorBlocks, rows_per_block
from brightfield.embedding.vectors import Vectors
from brightfield.store.collections import Collection
from brightfield.store.item_queries import StoredItem
from brightfield.store.items import Items
from brightfield.store.moment import Moment
from brightfield.store.shards import NOTHING, reached


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A collection at one moment: the items' numbers (N,), ascending, and their vectors.

    `items` are ids and metadata of every row, where they were asked for. Whoever lists items after
    a long computation asks for them at its beginning, since they may be deleted meanwhile.
    """

    collection: Collection
    numbers: NDArray[np.int64]
    stored: VectorBlocks
    items: tuple[StoredItem, ...] | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def rows_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of those of these numbers that are there."""
        places = np.searchsorted(self.numbers, numbers)
        inside = places < len(self.numbers)
        there = inside.copy()
        there[inside] = self.numbers[places[inside]] == numbers[inside]
        return places[there].astype(np.int64)


class _Part:
    """A block with room at its end, which only ever grows: what was read of it stays as it is."""

    def __init__(self, rows: int, dim: int) -> None:
        self.numbers = np.empty(rows, np.int64)
        self.vectors = np.empty((rows, dim), np.float32)
        self.squares = np.empty(rows, np.float64)
        self.filled = 0

    @property
    def room(self) -> int:
        return len(self.numbers) - self.filled

    @property
    def newest(self) -> int:
        return int(self.numbers[self.filled - 1])

    def append(self, numbers: NDArray[np.int64], vectors: Vectors) -> None:
        here = slice(self.filled, self.filled + len(numbers))
        self.numbers[here], self.vectors[here] = numbers, vectors
        self.squares[here] = VectorBlock.of(vectors).squares
        self.filled = here.stop

    def without(self, alive: NDArray[np.int64]) -> _Part:
        """This part, or a copy that only has the numbers that are alive."""
        numbers = self.numbers[: self.filled]
        keep = np.isin(numbers, alive, assume_unique=True)
        if keep.all():
            return self
        kept = _Part(int(keep.sum()), self.vectors.shape[1])
        kept.append(numbers[keep], self.vectors[: self.filled][keep])
        return kept


class CachedVectors:
    """One collection's vectors. They take 4 bytes a value, and at most one block more."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._lock = threading.Lock()
        self._parts: list[_Part] = []
        self._reach = NOTHING  # of each shard, the newest number that was read
        self._deletions = 0
        self._snapshot: Snapshot | None = None
        self._details: dict[int, StoredItem] = {}
        self._detailed = NOTHING

    @property
    def size_bytes(self) -> int:
        return sum(part.vectors.nbytes for part in self._parts)

    def at(self, collection: Collection, *, detailed: bool = False) -> Snapshot:
        """The collection as it is now, all of it at one moment; `detailed`: with its `items`."""
        with self._lock, self._items.moment(collection.name, collection.key) as moment:
            now = moment.collection
            before = (self._reach, self._deletions)
            if now.reach != self._reach:
                self._read(moment)
            if now.deletions != self._deletions:
                self._drop(moment.numbers())
                self._deletions = now.deletions
            if self._snapshot is None or before != (self._reach, self._deletions):
                self._snapshot = self._seen(now)
            if detailed and self._snapshot.items is None:
                items = self._detail(moment, self._snapshot.numbers)
                self._snapshot = replace(self._snapshot, items=items)
            return self._snapshot

    def _drop(self, alive: NDArray[np.int64]) -> None:
        parts = [part.without(alive) for part in self._parts]
        self._parts = [part for part in parts if part.filled]
        there = set(alive.tolist())
        self._details = {n: item for n, item in self._details.items() if n in there}

    def _detail(self, moment: Moment, numbers: NDArray[np.int64]) -> tuple[StoredItem, ...]:
        """Ids and metadata of the rows, in their order; read once and kept."""
        for item in moment.newer(self._detailed):
            self._details[item.number] = item
        self._detailed = moment.collection.reach
        return tuple(map(self._details.__getitem__, numbers.tolist()))

    def _read(self, moment: Moment) -> None:
        for numbers, vectors in moment.vectors(self._reach):
            self._put_in(numbers, vectors)
            self._reach = reached(self._reach, numbers)  # it may end in between
        self._reach = moment.collection.reach

    def _put_in(self, numbers: NDArray[np.int64], vectors: Vectors) -> None:
        """In the order of the numbers, of which another shard may have greater ones already."""
        numbers, vectors = self._with_later_ones(numbers, vectors)
        start = 0
        while start < len(numbers):
            if not self._parts or not self._parts[-1].room:
                dim = vectors.shape[1]
                self._parts.append(_Part(rows_per_block(dim), dim))
            part = self._parts[-1]
            end = start + part.room
            part.append(numbers[start:end], vectors[start:end])
            start = end

    def _with_later_ones(
        self, numbers: NDArray[np.int64], vectors: Vectors
    ) -> tuple[NDArray[np.int64], Vectors]:
        """The items, and those of the last parts that belong behind the first of them; these parts
        go."""
        late: list[_Part] = []
        while self._parts and self._parts[-1].newest > numbers[0]:
            late.append(self._parts.pop())
        if not late:
            return numbers, vectors
        numbers = np.concatenate([*(part.numbers[: part.filled] for part in late), numbers])
        vectors = np.concatenate([*(part.vectors[: part.filled] for part in late), vectors])
        order = np.argsort(numbers)
        return numbers[order], vectors[order]

    def _seen(self, collection: Collection) -> Snapshot:
        blocks = tuple(
            VectorBlock(part.vectors[: part.filled], part.squares[: part.filled])
            for part in self._parts
        )
        numbers = [part.numbers[: part.filled] for part in self._parts]
        joined = np.concatenate([np.empty(0, np.int64), *numbers])
        return Snapshot(collection, joined, VectorBlocks.of_blocks(blocks))


class VectorCache:
    """The spaces that are in memory: at most `max_bytes`, the longest unused go first, but one
    always stays."""

    def __init__(self, items: Items, max_bytes: int) -> None:
        self._items = items
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._cached: OrderedDict[str, CachedVectors] = OrderedDict()

    def at(self, collection: Collection, *, detailed: bool = False) -> Snapshot:
        """The collection's vectors as they are now; `detailed`: with the `items`."""
        snapshot = self._space(collection).at(collection, detailed=detailed)
        with self._lock:
            while len(self._cached) > 1 and self.size_bytes > self._max_bytes:
                self._cached.popitem(last=False)
        return snapshot

    def as_read_by(self, items: Items) -> VectorCache:
        """The same memory with the same bound, filled from the items of another project."""
        other = copy(self)
        other._items = items
        return other

    def forget(self, key: str) -> None:
        """Let a collection's vectors go."""
        with self._lock:
            self._cached.pop(key, None)

    def _space(self, collection: Collection) -> CachedVectors:
        with self._lock:
            cached = self._cached.setdefault(collection.key, CachedVectors(self._items))
            self._cached.move_to_end(collection.key)
            return cached

    @property
    def size_bytes(self) -> int:
        """Bytes of the vectors in memory."""
        return sum(cached.size_bytes for cached in tuple(self._cached.values()))
