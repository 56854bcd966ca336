"""Rates and agreement of tables of counts."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference

COUNTS = {"truth": [1] * 50 + [0] * 50, "predictions": [1] * 45 + [0] * 5 + [1] * 10 + [0] * 40}


def values(report):
    return {name: entry["value"] for name, entry in report["metrics"].items()}


def test_by_hand(evaluate):
    report = evaluate("classification", COUNTS)
    found = values(report)
    assert found["ppv"] == pytest.approx(0.818, abs=5e-4)
    assert found["mcc"] == pytest.approx(0.70, abs=5e-3)
    assert found["kappa"] == pytest.approx(0.70, abs=1e-12)
    assert (found["sensitivity"], found["specificity"], found["accuracy"]) == (0.9, 0.8, 0.85)
    assert found["npv"] == pytest.approx(40 / 45)
    assert found["f1"] == pytest.approx(90 / 105)
    assert report["confusion"]["counts"] == [[40, 10], [5, 45]]
    assert report["confusion"]["normalized"] == [[0.8, 0.2], [0.1, 0.9]]
    assert report["metrics"]["ppv"]["method"] == "wilson"
    assert [report["metrics"][name]["n"] for name in ("ppv", "npv", "sensitivity")] == [55, 45, 50]


def test_several_classes_against_scikit_learn(evaluate):
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 4, 300)
    predicted = np.where(rng.random(300) < 0.6, truth, rng.integers(0, 4, 300))
    report = evaluate("classification", {"truth": truth, "predictions": predicted})
    found = values(report)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(truth, predicted))
    assert found["mcc"] == pytest.approx(reference.matthews_corrcoef(truth, predicted))
    assert found["kappa"] == pytest.approx(reference.cohen_kappa_score(truth, predicted))
    balanced = reference.balanced_accuracy_score(truth, predicted)
    assert found["balanced_accuracy"] == pytest.approx(balanced)
    for average in ("macro", "micro"):
        scores = reference.precision_recall_fscore_support(truth, predicted, average=average)
        for name, value in zip(("ppv", "sensitivity", "f1"), scores, strict=False):
            assert found[f"{name}_{average}"] == pytest.approx(value)
    table = reference.confusion_matrix(truth, predicted)
    assert report["confusion"]["counts"] == table.tolist()
    each = reference.precision_recall_fscore_support(truth, predicted)
    for c, entry in enumerate(report["per_class"]):
        own = {name: m["value"] for name, m in entry["metrics"].items()}
        assert [own["ppv"], own["sensitivity"], own["f1"]] == pytest.approx(
            [s[c] for s in each[:3]]
        )
        others = truth != c
        assert own["specificity"] == pytest.approx((predicted[others] != c).mean())


def test_a_class_without_members_is_null_of_its_own_and_counts_0_in_means(evaluate):
    data = {"truth": ["a", "a", "b", "b"], "predictions": ["a", "a", "a", "c"]}
    report = evaluate("classification", data, labels=["a", "b", "c", "d"])
    assert report["confusion"]["normalized"][2] is None
    _, b, c, d = (entry["metrics"] for entry in report["per_class"])
    assert b["ppv"]["undefined"] == "no_predicted_positives"
    assert c["sensitivity"]["undefined"] == "no_positives"
    assert (c["f1"]["value"], d["f1"]["undefined"]) == (0, "no_positives")
    found = values(report)
    scores = reference.precision_recall_fscore_support(
        data["truth"], data["predictions"], average="macro", zero_division=0
    )
    means = [found[f"{name}_macro"] for name in ("ppv", "sensitivity", "f1")]
    assert means == pytest.approx(scores[:3])
    jaccard = reference.jaccard_score(data["truth"], data["predictions"], average="macro")
    assert found["jaccard_macro"] == pytest.approx(jaccard)
    assert found["specificity_macro"] == pytest.approx((1 / 2 + 1 + 3 / 4) / 3)
    codes = [warning["code"] for warning in report["warnings"]]
    assert codes == ["predicted_but_absent", "never_predicted"]
    assert found["balanced_accuracy"] == 0.5  # of a and b, which have members
