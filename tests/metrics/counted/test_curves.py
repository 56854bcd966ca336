"""Curves and their areas against scikit-learn, on iris and digits."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference
from sklearn.datasets import load_digits, load_iris
from sklearn.naive_bayes import GaussianNB

from brightfield.metrics.counted.curves import selection
from brightfield.metrics.counted.ranking import Ranking

CLOSE = {"abs": 1e-12, "rel": 0}


@pytest.fixture(scope="module", params=[load_iris, load_digits], ids=["iris", "digits"])
def scored(request):
    """True classes and probabilities, of digits with many ties at 0 and 1."""
    features, truth = request.param(return_X_y=True)
    model = GaussianNB().fit(features[::2], truth[::2])
    return truth[1::2], model.predict_proba(features[1::2])


def test_every_curve_and_area(scored, classify):
    truth, scores = scored
    report = classify(truth, scores, curve_points=100_000)
    for c, entry in enumerate(report["per_class"]):
        check_curves(entry["curves"], truth == c, scores[:, c])
        check_areas({n: m["value"] for n, m in entry["metrics"].items()}, truth == c, scores[:, c])
    member = truth[:, None] == np.arange(scores.shape[1])
    check_curves(report["curves"], member.ravel(), scores.ravel())
    metrics = {name: entry["value"] for name, entry in report["metrics"].items()}
    for average in ("macro", "micro"):
        area = reference.roc_auc_score(member, scores, average=average)
        assert metrics[f"auroc_{average}"] == pytest.approx(area, **CLOSE)
        area = reference.average_precision_score(member, scores, average=average)
        assert metrics[f"average_precision_{average}"] == pytest.approx(area, **CLOSE)
    assert metrics["log_loss"] == pytest.approx(reference.log_loss(truth, scores), **CLOSE)
    brier = ((scores - member) ** 2).sum(axis=1).mean()
    assert metrics["brier"] == pytest.approx(brier, **CLOSE)


def test_two_classes(scored, classify):
    truth, scores = scored[0] == 1, scored[1][:, 1]
    report = classify(truth, scores, curve_points=100_000)
    check_curves(report["curves"], truth, scores)
    metrics = {name: entry["value"] for name, entry in report["metrics"].items()}
    check_areas(metrics, truth, scores)
    brier = reference.brier_score_loss(truth, scores)
    assert metrics["brier"] == pytest.approx(brier, **CLOSE)
    assert metrics["log_loss"] == pytest.approx(reference.log_loss(truth, scores), **CLOSE)
    table = report["curves"]["thresholds"]
    for index in range(0, len(table["threshold"]), 7):
        called = scores >= table["threshold"][index]
        counts = reference.confusion_matrix(truth, called, labels=[False, True]).ravel().tolist()
        assert [table[name][index] for name in ("tn", "fp", "fn", "tp")] == counts


def check_curves(curves, positive, scores):
    fpr, tpr, thresholds = reference.roc_curve(positive, scores, drop_intermediate=False)
    roc = curves["roc"]
    np.testing.assert_allclose(roc["fpr"], fpr, rtol=0, atol=1e-12)
    np.testing.assert_allclose(roc["tpr"], tpr, rtol=0, atol=1e-12)
    assert roc["thresholds"] == [None, *thresholds[1:]]
    precision, recall, thresholds = reference.precision_recall_curve(positive, scores)
    pr = curves["pr"]
    np.testing.assert_allclose(pr["precision"], precision, rtol=0, atol=1e-12)
    np.testing.assert_allclose(pr["recall"], recall, rtol=0, atol=1e-12)
    assert pr["thresholds"] == [*thresholds, None]


def check_areas(metrics, positive, scores):
    area = reference.roc_auc_score(positive, scores)
    assert metrics["auroc"] == pytest.approx(area, **CLOSE)
    area = reference.average_precision_score(positive, scores)
    assert metrics["average_precision"] == pytest.approx(area, **CLOSE)


def test_the_least_example(classify):
    metrics = classify([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])["metrics"]
    assert metrics["average_precision"]["value"] == pytest.approx(0.8333, abs=5e-5)


@pytest.mark.parametrize("most", [10, 57, 1000])
def test_thinning_keeps_ends_and_operating_point_and_no_number(most, classify):
    rng = np.random.default_rng(0)
    truth = rng.random(20_000) < 0.1
    scores = rng.random(20_000) + 0.3 * truth
    whole = classify(truth, scores, operating_point="youden", curve_points=1_000_000)
    thin = classify(truth, scores, operating_point="youden", curve_points=most)
    assert thin["metrics"] == whole["metrics"]
    for curve, ends in (("roc", 1), ("pr", 1), ("thresholds", 0)):
        points = {name: values for name, values in thin["curves"][curve].items() if values}
        every = whole["curves"][curve]
        assert {len(values) for values in points.values()} == {len(next(iter(points.values())))}
        assert most / 3 < len(next(iter(points.values()))) <= most - 1 + ends
        for name, values in points.items():
            assert (values[0], values[-1]) == (every[name][0], every[name][-1])
    assert thin["operating_point"]["threshold"] in thin["curves"]["thresholds"]["threshold"]
    # Along the curve, whose length from corner to corner is 2 in steps right and up.
    way, thin_way = (
        np.add(r["curves"]["roc"]["fpr"], r["curves"]["roc"]["tpr"]) for r in (whole, thin)
    )
    between = np.interp(way, thin_way, thin["curves"]["roc"]["tpr"])
    assert np.abs(between - whole["curves"]["roc"]["tpr"]).max() < 3 / most


def test_a_threshold_between_scores_keeps_the_next_score_above():
    ranking = Ranking.of(np.arange(1000.0), np.arange(1000) > 500)
    places = selection(ranking, 10, 640.5)
    assert 641.0 in ranking.thresholds[places]
