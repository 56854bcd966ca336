"""Which class is which: stated, known to everybody, or asked for."""

from __future__ import annotations

import numpy as np
import pytest

from brightfield.errors import InvalidParameter

SCORES = [0.9, 0.1, 0.8, 0.3]


def truth(negative, positive):
    return [positive, negative, positive, negative]


@pytest.mark.parametrize(
    ("negative", "positive"),
    [("healthy", "cancer"), ("normal", "abnormal"), ("wild type", "mutant"), ("b", "a")],
)
def test_of_two_texts_the_positive_one_is_asked_for(negative, positive, classify):
    labels = truth(negative, positive)
    with pytest.raises(InvalidParameter, match="positive=") as caught:
        classify(labels, SCORES)
    assert caught.value.errors[0]["expected"] == sorted([negative, positive])
    with pytest.raises(InvalidParameter, match="positive="):
        classify(labels, more={"predictions": labels})
    for stated in ({"positive": positive}, {"labels": [negative, positive]}):
        report = classify(labels, SCORES, **stated)
        assert report["metrics"]["auroc"]["value"] == 1
        assert report["operating_point"]["positive"] == positive
    columns = [[1 - score, score] for score in SCORES]
    with pytest.raises(InvalidParameter, match="labels"):
        classify(labels, columns, positive=positive)
    assert classify(labels, columns, labels=[negative, positive])["metrics"]["auroc"]["value"] == 1


@pytest.mark.parametrize(
    ("negative", "positive"),
    [("negative", "positive"), ("No", "YES"), ("false", "true"), ("Absent", "present"),
     ("0", "1"), (0, 1), (False, True), ("-", "+")],
)  # fmt: skip
def test_pairs_that_everybody_takes_so_need_nothing(negative, positive, classify):
    report = classify(truth(negative, positive), SCORES)
    assert report["metrics"]["auroc"]["value"] == 1
    assert classify(truth(negative, positive), SCORES, positive=negative)["metrics"]["auroc"][
        "value"
    ] == 0  # fmt: skip


def test_columns_of_texts_need_their_order(classify):
    scores = np.eye(3).tolist()
    with pytest.raises(InvalidParameter, match="which score is for which"):
        classify(["a", "b", "c"], scores)
    assert classify(["a", "b", "c"], scores, labels="a,b,c")["metrics"]["accuracy"]["value"] == 1
    # Predictions name their classes themselves.
    alone = classify(["a", "b", "c"], more={"predictions": ["a", "c", "c"]})
    assert alone["metrics"]["accuracy"]["value"] == pytest.approx(2 / 3)


def test_scores_that_are_turned_round_are_noted(classify):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 80)
    scores = np.clip(0.3 * (1 - labels) + rng.random(80) * 0.7, 0, 1)
    delong = {"ci": {"method": "auto"}}
    turned = classify(labels.tolist(), scores.tolist(), **delong)
    assert [each["code"] for each in turned["warnings"]] == ["auroc_below_half"]
    right = classify(labels.tolist(), (1 - scores).tolist(), **delong)
    chance = classify(labels.tolist(), rng.random(80).tolist(), **delong)
    assert right["warnings"] == chance["warnings"] == []


def test_columns_in_another_order_are_noted(classify):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 90)
    scores = rng.random((90, 3)) + 2 * np.eye(3)[labels]
    turned = classify(labels.tolist(), scores[:, [1, 0, 2]].tolist(), ci={"method": "auto"})
    (warning,) = [each for each in turned["warnings"] if each["code"] == "auroc_below_half"]
    assert "0, 1:" in warning["detail"]


def test_scores_and_predictions_that_are_always_wrong_are_noted(classify):
    """AUROC is 0 and has no interval, since nothing varies."""
    truth = [0, 1] * 10
    auto = {"ci": {"method": "auto"}}
    turned = classify(truth, [0.9, 0.1] * 10, **auto)
    assert turned["metrics"]["auroc"]["ci_undefined"] == "no_variation"
    assert "auroc_below_half" in [each["code"] for each in turned["warnings"]]
    wrong = classify(truth, more={"predictions": [1, 0] * 10}, **auto)
    assert "predictions_below_half" in [each["code"] for each in wrong["warnings"]]
    assert classify(truth, [0.1, 0.9] * 10, **auto)["warnings"] == []
