"""Looking into collections: the nearest items, and clusters."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from brightfield.collections.adding import CollectionStores
from brightfield.collections.notes import as_json, on_copies, on_ties, on_zeros
from brightfield.collections.vector_cache import Snapshot
from brightfield.embedding.clusters import kmeans
from brightfield.embedding.copies import Rounded
from brightfield.embedding.neighbors import Metric, nearest
from brightfield.embedding.vector_blocks import VectorBlocks
from brightfield.embedding.vectors import Vectors, checked, unit
from brightfield.errors import InvalidParameter, TooFewItems
from brightfield.images.thumbnail import pixel_vector
from brightfield.parameters import Parameters, parsed_json
from brightfield.progress import Progress, Step
from brightfield.runtime.context_threads import ContextThreads
from brightfield.runtime.ending import within
from brightfield.runtime.ticket import Ticket
from brightfield.store.collections import Collection
from brightfield.store.item_queries import StoredItem
from brightfield.store.metadata_filter import Filter

T = TypeVar("T")
_THREADS = 2
# Of a search by an index, which pgvector sets.
MOST_CANDIDATES = 1000


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parsed_json(value)
    except ValueError:
        raise ValueError('a filter is JSON, as {"label": "RBC"}') from None


ItemFilter = Annotated[dict[str, Any], BeforeValidator(_parsed)]
"""A filter of items, as an object or as JSON."""


class ItemSelection(Parameters):
    """Which items are considered."""

    filter: ItemFilter | None = None
    """ItemFilter on the metadata, all of which must hold: `{"label": "RBC"}`, `{"area": {"ge": 50,
    "lt": 200}}`, `{"slide": {"in": ["a", "b"]}}`. Default: all items."""


class Search(ItemSelection):
    """What is searched for, beside the image, vector or id."""

    k: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """How many neighbours. Default: 10, or all if there are fewer."""
    metric: Metric | None = None
    """`cosine` or `euclidean`. Default: the collection's metric."""
    space: Literal["embedding", "pixels"] = "embedding"
    """`pixels` compares thumbnails pixel by pixel (32 x 32, Euclidean), for comparison."""
    search: Literal["exact", "hnsw"] = "exact"
    """`hnsw` uses the collection's index, which may miss some neighbours; with a filter, with
    another metric or in the space of pixels the search is exact nevertheless."""
    ef_search: Annotated[int, Field(ge=1, le=MOST_CANDIDATES)] | None = None
    """For `hnsw`: how many candidates are examined, at least k. Default: 100, or k if that is
    more."""

    @model_validator(mode="after")
    def _check_search(self) -> Self:
        if self.search == "exact" and self.ef_search is not None:
            raise ValueError("ef_search belongs to search=hnsw; leave it out of an exact search")
        if self.search == "hnsw" and (self.k or 0) > MOST_CANDIDATES:
            raise ValueError(f"k is {MOST_CANDIDATES} at most with search=hnsw; search exactly")
        if self.ef_search is not None and self.ef_search < (self.k or 0):
            raise ValueError(f"ef_search={self.ef_search} is less than k; send {self.k} or more")
        return self


class Clustering(ItemSelection):
    """k-means."""

    k: Annotated[int, Field(ge=1, le=1000)] = 8
    """How many clusters."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Of the starts, which are drawn by chance."""
    runs: Annotated[int, Field(ge=1, le=100)] = 10
    """Starts, of which the best clustering is taken."""
    members: Annotated[int, Field(ge=0, le=100)] = 5
    """How many items nearest each centre are named."""


@dataclass(frozen=True, slots=True, eq=False)
class SelectedItems:
    """Rows of a snapshot that pass a filter; None: all."""

    snapshot: Snapshot
    rows: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.snapshot) if self.rows is None else len(self.rows)

    @property
    def numbers(self) -> NDArray[np.int64]:
        numbers = self.snapshot.numbers
        return numbers if self.rows is None else numbers[self.rows]

    @property
    def items(self) -> list[StoredItem]:
        """Ids and metadata of the rows, of a snapshot that was taken with them."""
        items = self.snapshot.items
        assert items is not None
        return list(items) if self.rows is None else [items[row] for row in self.rows.tolist()]

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        if self.rows is None:
            return None
        mask = np.zeros(len(self.snapshot), bool)
        mask[self.rows] = True
        return mask

    @property
    def order(self) -> NDArray[np.int64]:
        """Places of the items in the order of their ids, in which they are computed with: it
        doesn't depend on when they came, so neither do results that begin by chance."""
        ids = [item.id for item in self.items]
        return np.array(sorted(range(len(ids)), key=ids.__getitem__), np.int64)

    def rounded(self, vectors: Vectors, metric: str) -> Rounded:
        """These vectors of the items, as the metric looks at them: of length 1 by the cosine."""
        dtype = self.snapshot.collection.properties.dtype
        if metric != "cosine":
            return Rounded(vectors, dtype)
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        return Rounded(unit(vectors), dtype, np.where(lengths > 0, lengths, 1))

    def vectors(self) -> Vectors:
        """A copy of the vectors."""
        rows = np.arange(len(self.snapshot)) if self.rows is None else self.rows
        return self.snapshot.stored.rows(rows)

    def stored(self) -> VectorBlocks:
        """The vectors, not copied where they are all."""
        return self.snapshot.stored if self.rows is None else VectorBlocks.of(self.vectors())


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    """Thumbnails of the items of these numbers as vectors, and which of them have one."""

    key: str
    numbers: NDArray[np.int64]
    stored: VectorBlocks
    there: NDArray[np.bool_]

    def are_of(self, snapshot: Snapshot) -> bool:
        same = self.key == snapshot.collection.key
        return same and np.array_equal(self.numbers, snapshot.numbers)


class CollectionQueries:
    """Answers about collections, each in a thread of a small pool.

    Results are of JSON types but for arrays. Raises `UnknownCollection`, `TooFewItems` where
    nothing is there or passes the filter, and `InvalidParameter`.
    """

    def __init__(self, stores: CollectionStores, pool: ContextThreads | None = None) -> None:
        self.stores = stores
        self.pool = pool or ContextThreads(_THREADS, thread_name_prefix="explore")
        self._pixels: _Pixels | None = None
        self._lock = threading.Lock()

    def close(self, timeout: float) -> None:
        """End the threads within so many seconds; work that takes longer is left behind."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        within(timeout, self.pool.shutdown)

    async def off_loop(self, work: Callable[..., T], *args: Any) -> T:
        """Run a part of the work in the pool."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *args)

    def chosen(
        self,
        name: str,
        conditions: Mapping[str, Any] | None,
        least: int = 1,
        *,
        detailed: bool = False,
    ) -> SelectedItems:
        """The items that pass; `detailed`: with ids and metadata, as they are at this moment.

        Raises `TooFewItems` where they are fewer than `least`.
        """
        wanted = Filter.read(conditions)
        collection = self.stores.collections.get(name)
        snapshot = self.stores.vectors.at(collection, detailed=detailed or bool(wanted))
        rows = None
        if wanted:
            items = snapshot.items or ()
            passing = [row for row, item in enumerate(items) if wanted(item.metadata)]
            rows = np.array(passing, np.int64)
        found = SelectedItems(snapshot, rows)
        if len(found) < least:
            raise TooFewItems(too_few(name, len(snapshot), len(found), least, bool(wanted)))
        return found

    # Neighbours

    def neighbors(
        self, name: str, search: Search, given: Any, item_id: str | None, picture: bytes | None
    ) -> dict[str, Any]:
        """The nearest items of a vector, of an item, or of a thumbnail in the space of pixels."""
        while True:
            answer = self._neighbors(name, search, given, item_id, picture)
            if answer is not None:
                return answer

    def _neighbors(
        self, name: str, search: Search, given: Any, item_id: str | None, picture: bytes | None
    ) -> dict[str, Any] | None:
        """None where an item that it is about was replaced or deleted while it was looked for."""
        found = self.chosen(name, search.filter)
        stored, mask = found.snapshot.stored, found.mask
        metric = search.metric or found.snapshot.collection.properties.metric
        if search.space == "pixels":
            metric = search.metric or "euclidean"
            stored, there = self._pixel_space(found.snapshot)
            mask = there if mask is None else mask & there
        own = None
        if item_id is not None:
            own = self._row_of(found.snapshot, item_id)
            if own is None:
                return None
            query = stored.rows(own)
        elif search.space == "pixels":
            if picture is None:
                raise InvalidParameter("In the space of pixels ask with an image or an `id`.")
            query = pixel_vector(picture)[None]
        else:
            query = checked(given, stored.dim)
        k = count_of(search.k, len(found), len(found.snapshot))
        (near,) = nearest(stored, query, k, metric, allowed=mask, own=own)
        searched = len(found) if mask is None else int(mask.sum())
        if own is not None and (mask is None or mask[own[0]]):
            searched -= 1
        numbers = found.snapshot.numbers[near.rows].tolist()
        neighbors = self.described(found.snapshot.collection, numbers, near.distances.tolist())
        if neighbors is None:
            return None
        return {
            "collection": name,
            "space": search.space,
            "metric": metric,
            "exact": True,
            "searched": searched,
            "neighbors": neighbors,
            "warnings": as_json([on_zeros(query, metric) or on_ties(near)]),
        }

    def described(
        self, collection: Collection, numbers: Sequence[int], distances: Sequence[float]
    ) -> list[dict[str, Any]] | None:
        """Neighbours as JSON; None where one of them was deleted a moment ago."""
        items = self.stores.items.by_number(collection.key, numbers)
        if len(items) < len(numbers):
            return None
        return [
            {"id": items[n].id, "distance": distance, "metadata": items[n].metadata}
            for n, distance in zip(numbers, distances, strict=True)
        ]

    def _row_of(self, snapshot: Snapshot, item_id: str) -> NDArray[np.int64] | None:
        """Raises `UnknownItem`; None where the item is of another moment than the snapshot."""
        collection = snapshot.collection
        with self.stores.items.moment(collection.name, collection.key) as moment:
            item = moment.get(item_id)
        rows = snapshot.rows_of(np.array([item.number]))
        return rows if len(rows) else None

    def _pixel_space(self, snapshot: Snapshot) -> tuple[VectorBlocks, NDArray[np.bool_]]:
        """Thumbnails as vectors, and which items have one; those of the last snapshot are kept."""
        with self._lock:
            kept = self._pixels
        if kept is not None and kept.are_of(snapshot):
            return kept.stored, kept.there
        numbers = snapshot.numbers.tolist()
        pictures = self.stores.items.thumbnails(snapshot.collection.key, numbers)
        there = np.array([number in pictures for number in numbers])
        if not there.any():
            raise TooFewItems(
                f"No item of the collection {snapshot.collection.name} has a thumbnail; "
                "add images, not vectors."
            )
        size = len(pixel_vector(next(iter(pictures.values()))))
        vectors = np.zeros((len(numbers), size), np.float32)
        for row, number in enumerate(numbers):
            if number in pictures:
                vectors[row] = pixel_vector(pictures[number])
        stored = VectorBlocks.of(vectors)
        with self._lock:
            self._pixels = _Pixels(snapshot.collection.key, snapshot.numbers, stored, there)
        return stored, there

    # Clusters

    def clusters(self, name: str, clustering: Clustering, progress: Progress) -> dict[str, Any]:
        """The items parted into k clusters by Euclidean distance, of vectors scaled to length 1
        where the collection's metric is the cosine."""
        found = self.chosen(name, clustering.filter, detailed=True)
        metric, order = found.snapshot.collection.properties.metric, found.order
        vectors = found.vectors()[order]
        rounded = found.rounded(vectors, metric)
        first = rounded.copies()
        made = kmeans(
            rounded.vectors[first],
            clustering.k,
            seed=clustering.seed,
            runs=clustering.runs,
            nearest=clustering.members,
            progress=progress,
        )
        ids = [item.id for item in found.items]
        labels = np.empty_like(made.labels)
        labels[order] = made.labels
        return {
            "collection": name,
            "k": clustering.k,
            "n": len(found),
            "seed": clustering.seed,
            "inertia": made.inertia,
            "silhouette": {"value": made.silhouette, "sampled": made.sampled},
            "clusters": [
                {"cluster": index, "size": size, "members": [ids[order[row]] for row in members]}
                for index, (size, members) in enumerate(
                    zip(made.sizes.tolist(), made.members, strict=True)
                )
            ],
            "ids": ids,
            "labels": labels.tolist(),
            "warnings": as_json(
                [on_zeros(vectors, metric), on_copies(first, "each counts for its cluster")]
            ),
        }


def watched(ticket: Ticket, progress: Progress | None) -> Progress:
    """Reports each step to `progress`, and raises the ticket's fault where the caller has left."""

    def watch(step: Step) -> None:
        ticket.check()
        if progress is not None and step.total:
            progress(step)

    return watch


def count_of(k: int | None, passing: int, there: int) -> int:
    """How many neighbours are looked for among so many items that pass, of so many there.

    Raises `InvalidParameter`.
    """
    if k is None:
        return min(10, passing)
    if k > there:
        raise InvalidParameter(
            f"k={k} is more than the {there} items of the collection; ask for {there} at most.",
            errors=[{"location": "k", "expected": f"1 to {there}", "received": k}],
        )
    return k


def too_few(name: str, there: int, found: int, least: int, filtered: bool) -> str:
    if not there:
        return f"The collection {name} is empty; add items first."
    what = f"{found} of its {there} items pass the filter" if filtered else f"it has {there} items"
    need = "item is" if least == 1 else "items are"
    return (
        f"The collection {name} has too few items for this: {what}, and {least} {need} needed; "
        "add items, or widen the filter."
    )
