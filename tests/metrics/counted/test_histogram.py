"""Scores of both classes in bins, one of whose edges is the threshold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from brightfield.metrics.counted.histogram import score_histogram
from brightfield.metrics.counted.ranking import Ranking

rng = np.random.default_rng(0)
TRUTH = rng.random(5000) < 0.1
SHAPES = {
    "probabilities": (np.clip(0.4 * TRUTH + rng.normal(0.3, 0.2, 5000), 0, 1), 0.5, True),
    "logits": (rng.normal(0, 3, 5000) + 2 * TRUTH, 1.234, False),
    "ties": (rng.choice([0, 0.25, 0.5, 1], 5000), 0.5, True),
    "the_greatest": (rng.choice([0, 0.5, 1], 5000), 1.0, True),
    "below_all": (rng.random(5000), -0.2, False),
    "above_all": (rng.random(5000), 1.7, False),
    "equal": (np.full(5000, 0.3), 0.3, False),
    "outliers": (np.r_[1e9, -1e9, rng.normal(0, 1, 4998)], 0.5, False),
}


@pytest.mark.parametrize("name", SHAPES)
def test_errors_are_on_the_wrong_side_of_the_threshold(name: str) -> None:
    scores, threshold, probable = SHAPES[name]
    found = score_histogram(Ranking.of(scores, TRUTH), threshold, probable=probable)
    assert found is not None
    edges = np.array(found["edges"])
    assert threshold in edges and len(edges) <= 100
    below = edges[:-1] < threshold
    (tn, fp), (fn, tp) = confusion_matrix(TRUTH, scores >= threshold)
    positives, negatives = (np.array(found[key]) for key in ("positives", "negatives"))
    assert (positives[below].sum(), positives[~below].sum()) == (fn, tp)
    assert (negatives[below].sum(), negatives[~below].sum()) == (tn, fp)
    if name != "outliers":
        # NumPy's last bin is closed, as ours is.
        np.testing.assert_array_equal(positives, np.histogram(scores[TRUTH], edges)[0])
    else:
        assert edges[-1] - edges[0] < 20


def test_what_has_no_bins() -> None:
    none = Ranking.of(np.zeros(0), np.zeros(0, bool))
    assert score_histogram(none, 0.5, probable=True) is None
    huge = Ranking.of(np.array([-1.5e308, 1.5e308]), np.array([True, False]))
    assert score_histogram(huge, None, probable=False) is None
    near = Ranking.of(np.array([1e16, 1e16 + 2]), np.array([True, False]))
    assert score_histogram(near, None, probable=False) is None


def test_without_a_threshold_bins_begin_at_the_least_score() -> None:
    found = score_histogram(Ranking.of(SHAPES["logits"][0], TRUTH), None, probable=False)
    assert found is not None and found["edges"][0] == SHAPES["logits"][0].min()
    assert sum(found["positives"]) + sum(found["negatives"]) == 5000
