"""Partial areas, and a rate at the other: on both ends of the ROC curve."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve


def rows(seed, digits):
    """Scores with ties, where few digits are kept."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, 90)
    return truth, np.round(truth + rng.normal(0, 1.2, 90), digits)


@pytest.mark.parametrize("digits", [0, 1, 9])
@pytest.mark.parametrize("most", [0.05, 0.1, 1 / 3, 0.9])
def test_areas_against_scikit_learn(digits, most, classify):
    truth, scores = rows(digits, digits)
    report = classify(truth, scores, max_fpr=most, min_sensitivity=1 - most)["metrics"]
    expected = roc_auc_score(truth, scores, max_fpr=most)
    assert report["partial_auroc"]["value"] == pytest.approx(expected, abs=1e-12)
    mirrored = roc_auc_score(1 - truth, -scores, max_fpr=most)  # missed against rejected
    assert report["partial_auroc_sensitivity"]["value"] == pytest.approx(mirrored, abs=1e-12)


@pytest.mark.parametrize("digits", [0, 1, 9])
@pytest.mark.parametrize("least", [0.3, 0.9, 0.99])
def test_a_rate_at_the_other_is_the_best_that_the_curve_has(digits, least, classify):
    truth, scores = rows(10 + digits, digits)
    report = classify(truth, scores, at_specificity=least, at_sensitivity=least)["metrics"]
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    sensitivity = tpr[1 - fpr >= least].max()
    assert report["sensitivity_at_specificity"]["value"] == pytest.approx(sensitivity)
    specificity = (1 - fpr)[tpr >= least].max()
    assert report["specificity_at_sensitivity"]["value"] == pytest.approx(specificity)


def test_a_rate_that_is_reached_but_for_rounding_is_reached(classify):
    truth, scores = [0] * 10 + [1] * 10, [*range(9), 20, *range(9, 19)]
    report = classify(truth, scores, at_specificity=0.9)["metrics"]  # 1 - 1 / 10 < 0.9 in floats
    assert report["sensitivity_at_specificity"]["value"] == 1


def test_several_classes_and_intervals_of_resamples(evaluate):
    rng = np.random.default_rng(2)
    truth, scores = rng.integers(0, 3, 80), rng.dirichlet(np.ones(3), 80)
    options = {"max_fpr": 0.2, "at_specificity": 0.8, "ci": {"resamples": 200}}
    report = evaluate("classification", {"truth": truth, "scores": scores}, **options)
    each = [roc_auc_score(truth == c, scores[:, c], max_fpr=0.2) for c in range(3)]
    found = report["metrics"]["partial_auroc_macro"]
    assert found["value"] == pytest.approx(np.mean(each))
    assert found["ci"][0] < found["value"] < found["ci"][1]
    assert report["metrics"]["sensitivity_at_specificity_micro"]["ci"] is not None
    assert "up to 0.2" in report["conventions"]["partial_auroc"]


def test_one_class_has_reasons(classify):
    report = classify([1, 1], [0.2, 0.3], max_fpr=0.1, at_sensitivity=0.5)["metrics"]
    assert report["partial_auroc"]["undefined"] == "no_negatives"
    assert report["specificity_at_sensitivity"]["undefined"] == "no_negatives"
