"""k-means: n vectors divided into k clusters around their means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.one_thread import one_thread
from brightfield.embedding.silhouette import mean_silhouette
from brightfield.embedding.vectors import Vectors
from brightfield.errors import InvalidParameter
from brightfield.progress import Progress, Step, no_progress


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """A clustering: `labels` (n,) from 0, `centers` (k, D), `sizes` (k,), `inertia` the sum of the
    squared distances to the centres, `members` of each cluster the rows nearest its centre.

    `silhouette` is the mean over `sampled` rows (`mean_silhouette`).
    """

    labels: NDArray[np.int32]
    centers: NDArray[np.floating]
    sizes: NDArray[np.int64]
    inertia: float
    members: list[NDArray[np.int64]]
    silhouette: float | None
    sampled: int


def kmeans(
    vectors: Vectors,
    k: int,
    *,
    seed: int = 0,
    runs: int = 10,
    nearest: int = 5,
    progress: Progress = no_progress,
) -> Clusters:
    """The best of `runs` runs of Lloyd's algorithm from k-means++ starts; equal to scikit-learn's
    `KMeans(k, n_init=runs, random_state=seed)`.

    Raises `InvalidParameter` if there are fewer distinct vectors than clusters. (Lloyd 1982;
    Arthur and Vassilvitskii 2007)
    """
    from sklearn.cluster import KMeans  # large, and slow to import

    _check(vectors, k)
    rng = np.random.RandomState(seed)  # one stream for all runs, as in scikit-learn
    best: KMeans | None = None
    for run in range(runs):
        progress(Step(run, runs))
        with one_thread():
            made = KMeans(k, n_init=1, random_state=rng).fit(vectors)
        if best is None or (
            made.inertia_ < best.inertia_ and not _same_parts(made.labels_, best.labels_, k)
        ):
            best = made
    assert best is not None
    progress(Step(runs, runs))
    return _described(vectors, best.labels_, best.cluster_centers_, nearest, seed)


def _check(vectors: Vectors, k: int) -> None:
    if k > len(vectors):
        raise InvalidParameter(
            f"k={k} is more than the {len(vectors)} vectors; ask for {len(vectors)} clusters at "
            "most.",
            errors=[{"location": "k", "expected": f"1 to {len(vectors)}", "received": k}],
        )
    distinct = len({row.tobytes() for row in vectors + 0.0})  # which makes 0 of -0
    if k > distinct:
        raise InvalidParameter(
            f"k={k} is more than the {distinct} distinct vectors; ask for {distinct} clusters at "
            "most.",
            errors=[{"location": "k", "expected": f"1 to {distinct}", "received": k}],
        )


def _same_parts(labels: NDArray[np.int32], others: NDArray[np.int32], k: int) -> bool:
    """Whether two clusterings differ only in the names of their clusters."""
    return len(np.unique(labels.astype(np.int64) * k + others)) == len(np.unique(labels))


def _described(
    vectors: Vectors,
    labels: NDArray[np.int32],
    centers: NDArray[np.floating],
    nearest: int,
    seed: int,
) -> Clusters:
    members, inertia = [], 0.0
    for cluster, center in enumerate(centers.astype(np.float64)):
        rows = np.flatnonzero(labels == cluster)
        squared = np.square(vectors[rows].astype(np.float64) - center).sum(axis=1)
        inertia += float(squared.sum())
        members.append(rows[np.lexsort((rows, squared))[:nearest]])
    sizes = np.bincount(labels, minlength=len(centers))
    silhouette, sampled = mean_silhouette(vectors, labels, seed=seed)
    return Clusters(labels, centers, sizes, inertia, members, silhouette, sampled)
