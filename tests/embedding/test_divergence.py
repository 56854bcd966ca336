"""Against the divergence that scikit-learn computes exactly."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial.distance import cdist, squareform
from sklearn.manifold import _t_sne

from brightfield.embedding.divergence import divergence
from brightfield.embedding.projections.tsne import Tsne
from brightfield.progress import no_progress

RNG = np.random.default_rng(0)
GAUSS = RNG.normal(size=(120, 16))
DATA = {
    "different": GAUSS,
    "copies of all": np.repeat(GAUSS[:30], 4, axis=0),
    "four places": np.repeat(np.eye(4, 16), 30, axis=0),
    "one pile": np.concatenate([GAUSS[:90], np.repeat(GAUSS[90:91], 30, axis=0)]),
}


def exact(likeness: NDArray[np.float64], points: NDArray[np.float64]) -> float:
    """By scikit-learn, of P (N, N) and points (N, d)."""
    pairs = np.maximum(squareform(likeness, checks=False), np.finfo(float).eps)
    found, _ = _t_sne._kl_divergence(points.ravel(), pairs, points.shape[1] - 1, *points.shape)
    return float(found)


@pytest.mark.parametrize("kind", DATA)
def test_a_map_says_its_divergence(kind: str) -> None:
    """With so few items each is a neighbour of all others, and P is scikit-learn's."""
    vectors = DATA[kind].astype(np.float32)
    made = Tsne(perplexity=39.7, iterations=100).fit(vectors, no_progress)
    squares = np.square(cdist(vectors, vectors)).astype(np.float32)
    likeness = squareform(_t_sne._joint_probabilities(squares, 39.7, 0))
    wanted = exact(likeness, made.points.astype(np.float64))
    assert made.facts["kl_divergence"] == pytest.approx(wanted, abs=2e-4)
    assert made.facts["kl_divergence"] >= 0


def test_of_many_points_the_sum_over_pairs_is_estimated() -> None:
    points = RNG.normal(0, 20, (1500, 2))
    likeness = csr_matrix(np.exp(-cdist(points, points)) * (1 - np.eye(1500)))
    likeness /= likeness.sum()
    whole = divergence(likeness, points)
    assert whole == pytest.approx(exact(likeness.toarray(), points), rel=1e-6)
    assert divergence(likeness, points, sample=1000) == pytest.approx(whole, abs=0.03)
