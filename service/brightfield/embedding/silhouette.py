"""How well rows lie in their clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.one_thread import one_thread
from brightfield.embedding.vectors import Vectors

SAMPLE = 2000
"""Rows of which so many are looked at, where there are more; each is compared with all."""

_BYTES = 32 * 2**20


def mean_silhouette(
    vectors: Vectors, labels: NDArray[np.int32], *, sample: int = SAMPLE, seed: int = 0
) -> tuple[float | None, int]:
    """The mean of (b - a) / max(a, b), -1 to 1, and over how many rows.

    a is the mean Euclidean distance of a row to the others of its cluster, b the least mean
    distance to another cluster; the only row of a cluster counts 0, and so does a = b = 0. None if
    there is one cluster, or every row is a cluster of its own. (Rousseeuw 1987)
    """
    from sklearn.metrics.pairwise import euclidean_distances  # large, and slow to import

    rows = np.arange(len(labels))
    if len(rows) > sample:
        rows = np.random.default_rng(seed).choice(rows, sample, replace=False)
    _, numbers, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if not 2 <= len(sizes) < len(labels):
        return None, len(rows)
    order = np.argsort(numbers, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    part = max(1, _BYTES // (8 * len(labels)))
    values, sorted_vectors = [], vectors[order]
    for some in np.split(rows, range(part, len(rows), part)):
        with one_thread():
            distances = euclidean_distances(vectors[some], sorted_vectors).astype(np.float64)
        sums = np.add.reduceat(distances, starts, axis=1)
        values.append(_values(sums, numbers[some], sizes))
    return float(np.concatenate(values).mean()), len(rows)


def _values(
    sums: NDArray[np.float64], own: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The silhouettes (n,) of rows with these sums of distances to each cluster (n, k)."""
    each = np.arange(len(own))
    inside = sums[each, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[each, own] = np.inf
    outside = means.min(axis=1)
    most = np.maximum(inside, outside)
    value = np.divide(outside - inside, most, out=np.zeros(len(own)), where=most > 0)
    return np.where(sizes[own] > 1, value, 0)
