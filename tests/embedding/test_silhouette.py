from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from brightfield.embedding.silhouette import mean_silhouette

RNG = np.random.default_rng(0)
DATA = np.concatenate([RNG.normal(0, 1, (300, 5)), RNG.normal(3, 1, (100, 5)), [[9.0] * 5]])
LABELS = np.repeat([0, 1, 4], [300, 100, 1]).astype(np.int32)  # one label unused, one with one row


def test_it_is_scikit_learns() -> None:
    vectors = DATA.astype(np.float32)
    assert mean_silhouette(vectors, LABELS) == (
        pytest.approx(silhouette_score(vectors, LABELS), abs=1e-6), 401
    )  # fmt: skip


def test_a_sample_is_compared_with_all_rows() -> None:
    """Within a sample most of many small clusters would have one row, which counts 0."""
    centers = RNG.normal(0, 50, (200, 5))
    vectors = np.repeat(centers, 5, axis=0) + RNG.normal(0, 0.1, (1000, 5))
    labels = np.repeat(np.arange(200, dtype=np.int32), 5)
    value, sampled = mean_silhouette(vectors.astype(np.float32), labels, sample=150)
    assert sampled == 150
    assert value == pytest.approx(silhouette_score(vectors, labels), abs=0.01)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_one_cluster_and_clusters_of_one_have_none(labels: list[int]) -> None:
    assert mean_silhouette(np.eye(3, dtype=np.float32), np.array(labels, np.int32)) == (None, 3)
