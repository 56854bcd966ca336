from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import fbeta_score, jaccard_score


@pytest.mark.parametrize("beta", [0.5, 2])
def test_against_scikit_learn(beta, evaluate):
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 4, 200)
    predicted = np.where(rng.random(200) < 0.5, truth, rng.integers(0, 4, 200))
    report = evaluate("classification", {"truth": truth, "predictions": predicted}, beta=beta)
    for average in ("macro", "micro"):
        found = report["metrics"][f"f_beta_{average}"]["value"]
        assert found == pytest.approx(fbeta_score(truth, predicted, beta=beta, average=average))
        found = report["metrics"][f"jaccard_{average}"]["value"]
        assert found == pytest.approx(jaccard_score(truth, predicted, average=average))
    each = [entry["metrics"]["f_beta"]["value"] for entry in report["per_class"]]
    assert each == pytest.approx(fbeta_score(truth, predicted, beta=beta, average=None))
    assert f"beta = {beta:g}" in report["conventions"]["f_beta"]


def test_it_is_there_only_if_asked_for(classify):
    assert "f_beta" not in classify([0, 1], [0.2, 0.9])["metrics"]
    assert classify([0, 1], [0.2, 0.9], beta=2)["metrics"]["f_beta"]["value"] == 1
