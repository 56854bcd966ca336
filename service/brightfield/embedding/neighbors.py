"""The nearest vectors, exactly.

A product of matrices in float32 gives every score up to a bound of its rounding error. All rows
that may be among the k best within that bound are measured again in float64, so the ranking is that
of a float64 search over all rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.vector_blocks import VectorBlocks
from brightfield.embedding.vectors import Vectors, unit
from brightfield.progress import Progress, Step, no_progress

Metric = Literal["cosine", "euclidean"]
"""`cosine`: 1 - x.y / (|x| |y|), which is 1 where a vector is 0; `euclidean`: |x - y|."""

_ROUNDOFF = 2.0**-24
_SCORE_BYTES = 8 * 2**20
# Candidates measured in float64 at a time.
_AT_ONCE = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Neighbors:
    """Rows (m,) and their distances (m,) float64, the nearest first; equal distances by row.

    `tied` further rows are as near as the last.
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.float64]
    tied: int = 0


def nearest(
    stored: VectorBlocks,
    queries: Vectors,
    k: int,
    metric: Metric = "cosine",
    *,
    allowed: NDArray[np.bool_] | None = None,
    own: NDArray[np.int64] | None = None,
    progress: Progress = no_progress,
) -> list[Neighbors]:
    """The k nearest stored rows for each query (Q, D), or all if there are fewer.

    Only rows with `allowed` (N,) are looked at; `own` (Q,) is a row for each query that is not.
    Besides the stored vectors 8 MiB are taken, and N scores where those are more.
    """
    found: list[Neighbors] = []
    lengths = np.sqrt(stored.squares())
    # Of length 1 the products of very short vectors stay numbers.
    asked = unit(queries) if metric == "cosine" else queries
    for start, scores in _scored(stored, asked, metric, lengths):
        for offset, row in enumerate(scores):
            place = start + offset
            if allowed is not None:
                row[~allowed] = -np.inf
            if own is not None:
                row[own[place]] = -np.inf
            slack = _slack(asked[place], metric, lengths)
            candidates = _candidates(row, k, slack)
            found.append(_ranked(stored, queries[place], candidates, k, metric))
        progress(Step(start + len(scores), len(queries)))
    return found


def graph(
    stored: VectorBlocks, k: int, metric: Metric = "cosine", progress: Progress = no_progress
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k nearest others of every row: rows (N, k) and distances (N, k). k is below N."""
    count, dim = len(stored), stored.dim
    rows = np.empty((count, k), np.int64)
    distances = np.empty((count, k), np.float64)
    part = max(1, _SCORE_BYTES // (4 * max(dim, 1)))
    for start in range(0, count, part):
        own = np.arange(start, min(count, start + part))
        for place, found in zip(
            own, nearest(stored, stored.rows(own), k, metric, own=own), strict=True
        ):
            rows[place], distances[place] = found.rows, found.distances
        progress(Step(int(own[-1]) + 1, count))
    return rows, distances


def graph_with_copies(
    vectors: Vectors,
    first: NDArray[np.int64],
    k: int,
    metric: Metric = "cosine",
    progress: Progress = no_progress,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """As `graph`, where `first` (N,) says which rows are copies (`copies.Rounded.copies`): they are
    0 apart, and are searched once."""
    distinct, inverse = np.unique(first, return_inverse=True)
    if len(distinct) == len(first):
        return graph(VectorBlocks.of(vectors), k, metric, progress)
    stored = VectorBlocks.of(vectors[distinct])
    near, away = np.empty((1, 0), np.int64), np.empty((1, 0))
    if len(distinct) > 1:
        near, away = graph(stored, min(k, len(distinct) - 1), metric, progress)
    order = np.argsort(inverse, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(inverse[order])) + 1)
    sizes = np.array([len(part) for part in members])
    rows, distances = np.empty((len(first), k), np.int64), np.empty((len(first), k))
    for place, own in enumerate(members):
        others = near[place][: int(np.searchsorted(np.cumsum(sizes[near[place]]), k)) + 1]
        around = np.concatenate([own[: k + 1], *(members[each] for each in others)])
        apart = np.concatenate(
            [np.zeros(min(len(own), k + 1)), np.repeat(away[place][: len(others)], sizes[others])]
        )
        for row in own.tolist():
            keep = np.flatnonzero(around != row)[:k]
            rows[row], distances[row] = around[keep], apart[keep]
    return rows, distances


def _scored(
    stored: VectorBlocks, queries: Vectors, metric: Metric, lengths: NDArray[np.float64]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Scores (q, N), for as many queries at a time as fit; a higher score is nearer."""
    count = len(stored)
    part = max(1, _SCORE_BYTES // (4 * max(count, 1)))
    for start in range(0, len(queries), part):
        some = queries[start : start + part]
        scores = np.empty((len(some), count), np.float32)
        for block, low in zip(stored.blocks, stored.starts[:-1], strict=True):
            high = low + len(block.vectors)
            if len(some) == 1:
                np.dot(block.vectors, some[0], out=scores[0, low:high])
            else:
                np.matmul(some, block.vectors.T, out=scores[:, low:high])
        if metric == "cosine":
            positive = np.where(lengths > 0, lengths, 1)
            scores *= np.where(lengths > 0, 1 / positive, 0).astype(np.float32)
        else:
            scores -= (lengths**2 / 2).astype(np.float32)
        yield start, scores


def _slack(query: Vectors, metric: Metric, lengths: NDArray[np.float64]) -> float:
    """Twice the bound on a score's error: |fl(x.q) - x.q| <= D u |x| |q|, and some more."""
    size = float(np.linalg.norm(query.astype(np.float64)))
    terms = (len(query) + 8) * _ROUNDOFF
    if metric == "cosine":  # scores are divided by |x|, not by |q|
        return 2 * terms * size
    longest = float(lengths.max(initial=0.0))
    return 2 * terms * (longest * size + longest**2)


def _candidates(scores: NDArray[np.float32], k: int, slack: float) -> NDArray[np.int64]:
    """Rows that may be among the k best once their scores are known exactly."""
    usable = int(np.count_nonzero(scores > -np.inf))
    if usable <= k:
        return np.flatnonzero(scores > -np.inf)
    last = len(scores) - k
    worst = float(np.partition(scores, last)[last])
    return np.flatnonzero(scores >= np.float32(worst - slack) - np.float32(slack * 1e-3))


def _ranked(
    stored: VectorBlocks, query: Vectors, candidates: NDArray[np.int64], k: int, metric: Metric
) -> Neighbors:
    parts = [
        exact_distances(stored.rows(candidates[start : start + _AT_ONCE]), query, metric)
        for start in range(0, len(candidates), _AT_ONCE)
    ]
    distances = np.concatenate(parts) if parts else np.empty(0)
    order = np.lexsort((candidates, distances))
    near, rest = order[:k], distances[order[k:]]
    tied = int(np.count_nonzero(rest == distances[near[-1]])) if len(near) else 0
    return Neighbors(candidates[near], distances[near], tied)


def exact_distances(vectors: Vectors, query: Vectors, metric: Metric) -> NDArray[np.float64]:
    """(n,): of each row to the query, in float64."""
    rows, point = vectors.astype(np.float64), query.astype(np.float64)
    if metric == "euclidean":
        return np.asarray(np.sqrt(np.square(rows - point).sum(axis=1)))
    # Summed row by row in one way, so equal rows have equal distances, and that to itself is 0.
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows) * np.einsum("i,i", point, point))
    products = np.einsum("ij,j->i", rows, point)
    cosines = np.divide(products, lengths, out=np.zeros(len(rows)), where=lengths > 0)
    return np.asarray(1 - np.clip(cosines, -1, 1))
