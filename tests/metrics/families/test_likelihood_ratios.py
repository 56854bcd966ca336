from __future__ import annotations

import pytest
from sklearn.metrics import class_likelihood_ratios


def counted(tp, fp, tn, fn):
    return {
        "truth": [1] * (tp + fn) + [0] * (fp + tn),
        "predictions": [1] * tp + [0] * fn + [1] * fp + [0] * tn,
    }


@pytest.mark.parametrize("counts", [(45, 10, 40, 5), (3, 7, 2, 9), (20, 1, 99, 0)])
def test_against_scikit_learn(counts, evaluate):
    data = counted(*counts)
    found = evaluate("classification", data)["metrics"]
    expected = class_likelihood_ratios(data["truth"], data["predictions"])
    values = [found[name]["value"] for name in ("lr_positive", "lr_negative")]
    assert values == pytest.approx(expected)
    assert {found[name]["method"] for name in ("lr_positive", "lr_negative")} == {"score"}


def test_what_is_divided_by_nothing_has_a_reason(evaluate):
    found = evaluate("classification", counted(5, 0, 5, 5))["metrics"]
    assert found["lr_positive"]["undefined"] == "no_false_positives"
    found = evaluate("classification", counted(5, 5, 0, 5))["metrics"]
    assert found["lr_negative"]["undefined"] == "no_true_negatives"
    found = evaluate("classification", counted(5, 0, 0, 5))["metrics"]
    assert found["lr_negative"]["undefined"] == "no_negatives"


def test_several_classes_have_them_one_by_one_and_no_mean(evaluate):
    data = {"truth": [0, 0, 1, 1, 2, 2], "predictions": [0, 1, 1, 2, 2, 0]}
    report = evaluate("classification", data)
    assert report["per_class"][0]["metrics"]["lr_positive"]["value"] == pytest.approx(2)
    assert not any(name.startswith("lr_") for name in report["metrics"])
