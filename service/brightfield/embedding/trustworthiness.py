"""How many of the neighbours on a map are true neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.one_thread import one_thread
from brightfield.embedding.vectors import Points, Vectors
from brightfield.progress import Progress, Step, no_progress

NEIGHBORS = 5
"""Neighbours on the map that are looked at."""

SAMPLE = 1000
"""Points of which so many are looked at, where there are more."""

_AT_ONCE = 64
# Values up to which distances are taken in float64.
_EXACT = 2**24


def trustworthiness(
    vectors: Vectors,
    points: Points,
    *,
    k: int = NEIGHBORS,
    sample: int = SAMPLE,
    seed: int = 0,
    progress: Progress = no_progress,
) -> float | None:
    """T = 1 - 2 / (n k (2n - 3k - 1)) sum over i, and over j among the k nearest of i on the map,
    of max(0, r(i, j) - k), with r the rank of j among the Euclidean neighbours of i in the space.

    0 to 1, and 1 if every neighbour on the map is one of the k nearest in the space. Over more
    than `sample` points the sum is estimated from so many, each ranked among all. None where
    k >= n / 2, for which T is not defined. (Venna and Kaski 2001)
    """
    count = len(vectors)
    if k >= count / 2:
        return None
    rows = np.arange(count)
    if count > sample:
        rows = np.sort(np.random.default_rng(seed).choice(rows, sample, replace=False))
    # From their mean, so a large value that all have in common takes no digits.
    space = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    space = space.astype(np.float64) if space.size <= _EXACT else space
    space_squares, places = _squares(space), points.astype(np.float64)
    place_squares = _squares(places)
    total = 0
    for start in range(0, len(rows), _AT_ONCE):
        progress(Step(start, len(rows)))
        some = rows[start : start + _AT_ONCE]
        with one_thread():
            away = _distances(places, place_squares, some)
            truly = _distances(space, space_squares, some)
        total += sum(_excess(*pair, k) for pair in zip(away, truly, strict=True))
    share = count / len(rows)
    return 1 - share * 2 * total / (count * k * (2 * count - 3 * k - 1))


def _squares(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.einsum("ij,ij->i", values, values))


def _distances(
    values: NDArray[Any], squares: NDArray[Any], rows: NDArray[np.int64]
) -> NDArray[Any]:
    """Squared distances (rows, N), less the row's own square; of a row to itself infinity."""
    distances = squares - 2 * (values[rows] @ values.T)
    distances[np.arange(len(rows)), rows] = np.inf
    return np.asarray(distances)


def _excess(away: NDArray[Any], truly: NDArray[Any], k: int) -> int:
    """The sum over one point: by how much the ranks of its neighbours on the map exceed k."""
    near = np.argsort(away, kind="stable")[:k]
    ranks = 1 + (truly[None, :] < truly[near, None]).sum(axis=1)
    return int(np.maximum(0, ranks - k).sum())
