from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import trustworthiness as theirs

from brightfield.embedding.trustworthiness import trustworthiness


def test_it_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(150, 10)).astype(np.float32)
    points = (vectors[:, :2] + 0.5 * rng.normal(size=(150, 2))).astype(np.float32)
    expected = theirs(vectors.astype(float), points.astype(float), n_neighbors=7)
    assert trustworthiness(vectors, points, k=7) == pytest.approx(expected, abs=1e-12)


def test_a_sample_estimates_the_whole() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(600, 10)).astype(np.float32)
    points = vectors[:, :2].copy()
    whole, part = trustworthiness(vectors, points), trustworthiness(vectors, points, sample=200)
    assert whole is not None and part != whole
    assert part == pytest.approx(whole, abs=0.02)


def test_a_copy_is_trusted_wholly_and_few_points_not_at_all() -> None:
    points = np.random.default_rng(2).normal(size=(40, 2)).astype(np.float32)
    assert trustworthiness(points, points) == 1
    assert trustworthiness(points[:10], points[:10], k=5) is None
