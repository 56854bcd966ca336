"""How many of the true neighbours an approximate search finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.neighbors import Metric, nearest
from brightfield.embedding.vector_blocks import VectorBlocks
from brightfield.embedding.vectors import Vectors

Numbers = NDArray[np.int64]

# Vectors that are compared at a time: so large a part that few of its rows are measured twice.
_PART_BYTES = 64 * 2**20


def recall(truth: Sequence[Numbers], found: Sequence[Numbers], k: int) -> float:
    """The mean share of the k nearest that were found.

    `truth` has the numbers of the nearest of each query, the nearest first. If distances at the
    end of the k nearest are equal, only the earlier items count, so the share is never too large.
    """
    shares = [np.isin(near[:k], numbers).mean() for near, numbers in zip(truth, found, strict=True)]
    return float(np.mean(shares))


def nearest_of_parts(
    parts: Iterable[tuple[Numbers, Vectors]], queries: Vectors, k: int, metric: Metric
) -> list[Numbers]:
    """Numbers of the k nearest of each query (Q, D), exactly, of vectors that come part by part.

    At most 64 MiB of vectors are held, and a part more.
    """
    numbers = [np.empty(0, np.int64)] * len(queries)
    distances = [np.empty(0)] * len(queries)
    for some, vectors in _joined(parts):
        for place, near in enumerate(nearest(VectorBlocks.of(vectors), queries, k, metric)):
            both = np.append(numbers[place], some[near.rows])
            away = np.append(distances[place], near.distances)
            order = np.lexsort((both, away))[:k]
            numbers[place], distances[place] = both[order], away[order]
    return numbers


def _joined(parts: Iterable[tuple[Numbers, Vectors]]) -> Iterator[tuple[Numbers, Vectors]]:
    numbers: list[Numbers] = []
    vectors: list[Vectors] = []
    for some, rows in parts:
        numbers.append(some)
        vectors.append(rows)
        if sum(each.nbytes for each in vectors) >= _PART_BYTES:
            yield np.concatenate(numbers), np.concatenate(vectors)
            numbers, vectors = [], []
    if numbers:
        yield np.concatenate(numbers), np.concatenate(vectors)
