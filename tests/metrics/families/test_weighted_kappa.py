from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from brightfield.errors import InvalidParameter


@pytest.mark.parametrize("weights", ["linear", "quadratic"])
def test_against_scikit_learn(weights, evaluate):
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 5, 120)
    predicted = np.clip(truth + rng.integers(-2, 3, 120), 0, 4)
    data = {"truth": truth, "predictions": predicted}
    found = evaluate("classification", data, kappa_weights=weights)["metrics"]["weighted_kappa"]
    expected = cohen_kappa_score(truth, predicted, weights=weights)
    assert found["value"] == pytest.approx(expected)
    assert found["ci"][0] < expected < found["ci"][1]


def test_classes_in_no_order_are_refused(evaluate):
    data = {"truth": ["low", "mid", "high"], "predictions": ["low", "mid", "mid"]}
    with pytest.raises(InvalidParameter, match="from the lowest to the highest"):
        evaluate("classification", data, kappa_weights="linear")
    report = evaluate("classification", data, kappa_weights="linear", labels="low,mid,high")
    expected = cohen_kappa_score([0, 1, 2], [0, 1, 1], weights="linear")
    assert report["metrics"]["weighted_kappa"]["value"] == pytest.approx(expected)
