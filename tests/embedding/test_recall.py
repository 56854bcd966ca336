from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from brightfield.embedding import recall as recall_module
from brightfield.embedding.neighbors import Metric
from brightfield.embedding.recall import nearest_of_parts, recall


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_nearest_do_not_depend_on_the_parts(
    metric: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recall_module, "_PART_BYTES", 4 * 8 * 50)
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(333, 8)).astype("f4"), rng.normal(size=(4, 8)).astype("f4")
    numbers = np.arange(333) * 3 + 1
    cut = [slice(0, 7), slice(7, 200), slice(200, 333)]
    found = nearest_of_parts(((numbers[c], vectors[c]) for c in cut), queries, 20, metric)
    away = cdist(queries.astype(float), vectors.astype(float), metric)
    assert [row.tolist() for row in found] == numbers[np.argsort(away)[:, :20]].tolist()


def test_recall_is_the_mean_share_of_the_nearest() -> None:
    truth = [np.array([1, 2, 3, 4]), np.array([5, 6, 7, 8])]
    found = [np.array([2, 9, 1, 4]), np.array([8, 5, 10])]
    assert recall(truth, found, 4) == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert recall(truth, found, 1) == 1.0
    assert recall(truth, [found[1], found[0]], 4) == 0.0
