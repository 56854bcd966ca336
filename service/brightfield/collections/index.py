"""Approximate neighbours: an index of a collection, its measured recall, and searches by it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from brightfield.collections.queries import CollectionQueries, Search, count_of, too_few
from brightfield.embedding.neighbors import exact_distances
from brightfield.embedding.recall import nearest_of_parts, recall
from brightfield.embedding.vectors import FLOAT16_MOST, Vectors, checked, unit
from brightfield.errors import InvalidVectors, TooFewItems
from brightfield.parameters import Parameters
from brightfield.progress import STILL_WANTED, Progress, Step
from brightfield.store.collections import Collection
from brightfield.store.shards import NOTHING, Reach
from brightfield.store.vector_index import (
    Ask,
    Hnsw,
    IndexSource,
    Recalls,
    VectorIndex,
    VectorIndexes,
    table_of,
)

# Recall is measured with these items of the collection, for these settings (k, ef_search).
SAMPLE, SEED = 100, 0
SETTINGS = ((10, 40), (10, 100), (10, 400), (100, 100), (100, 400))
DEFAULT = (10, 100)

# A collection that has grown so many times over is measured anew.
_GROWN = 2
# Of the items that came later, so many are linked at a time; others who write wait for so long.
_ROWS_AT_ONCE = 200


class IndexOptions(Parameters):
    """How an HNSW index is built."""

    m: Annotated[int, Field(ge=2, le=100)] = 16
    """Links of each vector; more links find more neighbours and take more space and time."""
    ef_construction: Annotated[int, Field(ge=4, le=1000)] = 64
    """Candidates examined for the links of each vector, at least 2 m; more candidates find more
    neighbours and take more time to build."""

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.ef_construction < 2 * self.m:
            raise ValueError(
                f"ef_construction={self.ef_construction} is less than 2 m; send "
                f"{2 * self.m} or more"
            )
        return self


class CollectionIndexes:
    """Indexes of collections, and neighbours by them. Every method blocks.

    Raises `IndexUnavailable` where the store can have no index, `UnknownIndex` where there is none,
    and as `CollectionQueries` does.
    """

    def __init__(self, queries: CollectionQueries, indexes: VectorIndexes) -> None:
        self._queries = queries
        self._stores = queries.stores
        self._indexes = indexes

    def build(self, name: str, options: IndexOptions, progress: Progress) -> dict[str, Any]:
        """Build the index anew, and measure its recall."""
        collection = self._stores.collections.get(name)
        if collection.size < 2:
            raise TooFewItems(too_few(name, collection.size, collection.size, 2, False))
        made = self._indexes.build(
            collection,
            Hnsw(options.m, options.ef_construction),
            IndexSource(
                partial(self._parts, collection),
                partial(self._measured, collection, progress=progress),
            ),
            progress,
        )
        return self._described(self._stores.collections.get(name), made)

    def describe(self, name: str) -> dict[str, Any]:
        """The index as it stands, as JSON."""
        collection = self._stores.collections.get(name)
        return self._described(collection, self._indexes.get(collection))

    def drop(self, name: str) -> None:
        self._indexes.drop(self._stores.collections.get(name))

    def neighbors(
        self,
        name: str,
        search: Search,
        given: Any,
        item_id: str | None,
        picture: bytes | None,
        progress: Progress,
    ) -> dict[str, Any]:
        """As `CollectionQueries.neighbors`, by the index where one is asked for and can answer."""
        answer = None
        if search.search == "hnsw":
            collection = self._stores.collections.get(name)
            if collection.size and _by_index(search, collection):
                answer = self._approximate(collection, search, given, item_id, progress)
        if answer is None:
            answer = self._queries.neighbors(name, search, given, item_id, picture)
        return answer

    def _approximate(
        self,
        collection: Collection,
        search: Search,
        given: Any,
        item_id: str | None,
        progress: Progress,
    ) -> dict[str, Any] | None:
        """The neighbours, or None where the index does not lead to as many as there are."""
        own = None
        if item_id is None:
            query = checked(given, collection.dim)
        else:
            with self._stores.items.moment(collection.name, collection.key) as moment:
                item = moment.get(item_id)
                own, query = item.number, moment.vector(item)[None]
        searched = collection.size - (own is not None)
        k = count_of(search.k, collection.size, collection.size)
        ef_search = max(k, search.ef_search or DEFAULT[1])
        index = self._caught_up(collection, progress)
        if _without_direction(collection, query[0]):
            return None
        with self._indexes.asking(collection) as ask:
            (found,) = ask(_prepared(collection, query), _wanted(k, ef_search), ef_search)
        numbers, distances = self._ranked(collection, query[0], found[found != own], k)
        neighbors = self._queries.described(collection, numbers, distances)
        if neighbors is None or len(numbers) < min(k, searched):
            return None
        return {
            "collection": collection.name,
            "space": "embedding",
            "metric": collection.properties.metric,
            "exact": False,
            "ef_search": ef_search,
            "recall": _fitting(index.recalls, k, ef_search),
            "searched": searched,
            "neighbors": neighbors,
            "warnings": [],
        }

    def _ranked(
        self, collection: Collection, query: NDArray[np.float32], found: NDArray[np.int64], k: int
    ) -> tuple[list[int], list[float]]:
        """The k nearest of what was found, measured in float64 from the vectors themselves."""
        numbers, vectors = self._stores.items.vectors_of(
            collection.key, collection.properties, found.tolist()
        )
        if not len(numbers):
            return [], []
        away = exact_distances(vectors, query, collection.properties.metric)
        order = np.lexsort((numbers, away))[:k]
        return numbers[order].tolist(), away[order].tolist()

    def _caught_up(self, collection: Collection, progress: Progress) -> VectorIndex:
        read = partial(self._parts, collection, rows=_ROWS_AT_ONCE)
        index = self._indexes.catch_up(collection, read, progress)
        if collection.size >= _GROWN * index.recalls[0]["items"]:
            with self._indexes.asking(collection) as ask:
                recalls = self._measured(collection, ask, progress=progress)
            index = self._indexes.remember(collection, recalls)
        return index

    def _measured(self, collection: Collection, ask: Ask, *, progress: Progress) -> Recalls:
        """The recall at each of `SETTINGS`, of items drawn by chance, against the exact search."""
        with self._stores.items.moment(collection.name, collection.key) as moment:
            there = moment.numbers()
            if len(there) < 2:
                raise TooFewItems(too_few(collection.name, len(there), len(there), 2, False))
            rng = np.random.default_rng(SEED)
            drawn = rng.choice(there, min(SAMPLE, len(there)), replace=False)
            own, queries = moment.vectors_of(drawn.tolist())
            most = min(max(k for k, _ in SETTINGS), len(there) - 1)
            reporting = _reporting(moment.vectors(NOTHING), len(there), progress)
            near = nearest_of_parts(reporting, queries, most + 1, collection.properties.metric)
        truth = [row[row != number][:most] for row, number in zip(near, own, strict=True)]
        found: dict[tuple[int, int], list[NDArray[np.int64]]] = {}
        for k, ef_search in SETTINGS:
            answers = ask(_prepared(collection, queries), _wanted(k, ef_search), ef_search)
            found[k, ef_search] = [
                row if _without_direction(collection, query) else answer
                for row, query, answer in zip(truth, queries, answers, strict=True)
            ]
            progress(STILL_WANTED)
        facts = {"sample": len(own), "seed": SEED, "items": len(there)}
        return [
            {"value": recall(truth, answers, k), "k": min(k, most), "ef_search": ef_search, **facts}
            for (k, ef_search), answers in found.items()
        ]

    def _parts(
        self, collection: Collection, after: Reach, rows: int = 1000
    ) -> Generator[tuple[NDArray[np.int64], Vectors], None, None]:
        """Items that came since as the index holds them."""
        read = self._stores.items.vectors(collection.key, collection.properties, after, rows=rows)
        with closing(read):  # what is raised here must not keep the reader's transaction open
            for numbers, vectors in read:
                yield numbers, _prepared(collection, vectors)

    def _described(self, collection: Collection, index: VectorIndex) -> dict[str, Any]:
        waiting = self._indexes.waiting(collection, index)
        return {
            "collection": collection.name,
            "method": index.method,
            "metric": collection.properties.metric,
            **index.facts,
            "created": index.created,
            "indexed": collection.size - waiting,
            "waiting": waiting,
            "recall": _fitting(index.recalls, *DEFAULT),
            "recalls": index.recalls,
        }


def _by_index(search: Search, collection: Collection) -> bool:
    """Whether the question is one that an index answers."""
    return (
        not search.filter
        and search.space == "embedding"
        and search.metric in (None, collection.properties.metric)
    )


def _without_direction(collection: Collection, query: NDArray[np.float32]) -> bool:
    """Whether all items are equally far, at the cosine's distance 1, which only an exact search
    puts in order."""
    return collection.properties.metric == "cosine" and not query.any()


def _wanted(k: int, ef_search: int) -> int:
    """How many candidates are asked for: some more than k, since the index measures in lower
    precision, and one of them may be the item that the search began with."""
    return max(k + 1, min(2 * k + 16, ef_search))


def _fitting(recalls: Recalls, k: int, ef_search: int) -> dict[str, Any]:
    """Of what was measured, the setting closest to this one: if it can be, one that is no easier,
    with as many neighbours at least and no more candidates."""

    def unlikeness(each: dict[str, Any]) -> tuple[bool, int, bool, int]:
        return (
            each["k"] < k, abs(each["k"] - k),
            each["ef_search"] > ef_search, abs(each["ef_search"] - ef_search),
        )  # fmt: skip

    return min(recalls, key=unlikeness)


def _prepared(collection: Collection, vectors: Vectors) -> Vectors:
    """Vectors as the index holds them: of length 1 where the metric is the cosine, so that neither
    large nor small ones leave the range of its arithmetic. Raises `InvalidVectors`."""
    if collection.properties.metric == "cosine":
        return unit(vectors)
    half = table_of(collection).kind == "halfvec"
    if half and np.abs(vectors).max(initial=0) > FLOAT16_MOST:
        raise InvalidVectors(
            "Vectors of more than 2000 values are indexed in half precision, which holds values "
            f"up to {FLOAT16_MOST:g}; search exactly, or make a collection of smaller values."
        )
    return vectors


def _reporting(
    parts: Iterator[tuple[NDArray[np.int64], Vectors]], size: int, progress: Progress
) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
    """The last third of a build's steps, of three for each item."""
    done = 0
    for numbers, vectors in parts:
        yield numbers, vectors
        done += len(numbers)
        progress(Step(2 * size + min(done, size), 3 * size))
