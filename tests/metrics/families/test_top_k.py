from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from brightfield.errors import InvalidParameter


def test_against_scikit_learn(classify):
    rng = np.random.default_rng(7)
    truth, scores = rng.integers(0, 6, 150), rng.random((150, 6))
    for k in (2, 5):
        found = classify(truth, scores, top_k=k, ci={})["metrics"]["top_k_accuracy"]
        assert found["value"] == pytest.approx(top_k_accuracy_score(truth, scores, k=k))
        assert found["method"] == "wilson"


def test_of_equal_scores_the_first_class_counts_first_as_in_the_prediction(classify):
    scores = [[0.2, 0.2, 0.2, 0.1]] * 4
    report = classify([0, 1, 2, 3], scores, top_k=1)["metrics"]
    assert report["top_k_accuracy"]["value"] == report["accuracy"]["value"] == 0.25
    assert classify([0, 1, 2, 3], scores, top_k=2)["metrics"]["top_k_accuracy"]["value"] == 0.5


def test_what_says_nothing_is_refused_or_null(classify):
    with pytest.raises(InvalidParameter, match="says nothing"):
        classify([0, 1], [0.1, 0.9], top_k=1)
    with pytest.raises(InvalidParameter, match="says nothing"):
        classify([0, 1, 2], [[1, 0, 0]] * 3, top_k=3)
    report = classify([0, 1, 2], more={"predictions": [0, 1, 1]}, top_k=2)
    assert report["metrics"]["top_k_accuracy"]["undefined"] == "no_scores"
