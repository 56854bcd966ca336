"""How alike vectors are, as t-SNE sees it.

Apart from the projection, so that a service imports openTSNE and scikit-learn, which are large,
only when a map is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from openTSNE.affinity import Affinities, joint_probabilities_nn
from scipy.sparse import csr_matrix
from sklearn.neighbors import NearestNeighbors

from brightfield.embedding.neighbors import graph_with_copies
from brightfield.embedding.one_thread import one_thread
from brightfield.embedding.vectors import Vectors
from brightfield.progress import STILL_WANTED, Progress

PLACING = 25
"""Neighbours that place a new vector, at least."""


def likeness_of(
    vectors: Vectors, first: NDArray[np.int64], perplexity: float, progress: Progress
) -> csr_matrix:
    """The likeness of each vector to its neighbours, as many as three times the perplexity."""
    wanted: Progress = lambda _: progress(STILL_WANTED)  # noqa: E731 - they have steps of their own
    k = min(len(vectors) - 1, int(3 * perplexity))
    neighbors, distances = graph_with_copies(vectors, first, k, "euclidean", wanted)
    likeness = joint_probabilities_nn(neighbors, distances, [perplexity], n_jobs=1)
    progress(STILL_WANTED)
    return likeness


class VectorAffinities(Affinities):  # type: ignore[misc]
    """The `likeness` of vectors (N, N), and that of new vectors to them."""

    def __init__(self, vectors: NDArray[Any], likeness: csr_matrix) -> None:
        self.n_jobs = 1
        self._index = NearestNeighbors(algorithm="brute").fit(vectors)
        self.P = likeness

    def to_new(self, data: NDArray[Any], perplexity: float, return_distances: bool = False) -> Any:
        known = self._index.n_samples_fit_
        k = min(known, max(int(3 * perplexity), PLACING))
        with one_thread():
            distances, neighbors = self._index.kneighbors(data, n_neighbors=k)
        likeness = joint_probabilities_nn(
            neighbors,
            distances,
            [perplexity],
            symmetrize=False,
            normalization="point-wise",
            n_reference_samples=known,
            n_jobs=1,
        )
        return (likeness, neighbors, distances) if return_distances else likeness
