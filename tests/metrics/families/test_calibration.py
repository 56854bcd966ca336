from __future__ import annotations

import numpy as np
import pytest

from brightfield.metrics.counted.forecasts import Forecasts


def test_against_a_loop_over_bins(classify):
    rng = np.random.default_rng(3)
    scores = np.round(rng.random(400), 2)
    truth = rng.random(400) < scores**2
    report = classify(truth, scores, bins=8)
    gaps, weights = [], []
    for index in range(8):
        inside = (scores <= (index + 1) / 8) & ((scores > index / 8) | (index == 0))
        gaps.append(abs(truth[inside].mean() - scores[inside].mean()))
        weights.append(inside.mean())
    assert report["metrics"]["ece"]["value"] == pytest.approx(np.dot(gaps, weights), abs=1e-12)
    assert report["metrics"]["mce"]["value"] == pytest.approx(max(gaps), abs=1e-12)
    shown = report["curves"]["calibration"]
    differences = np.subtract(shown["fraction"], shown["mean_score"])
    assert np.abs(differences) == pytest.approx(gaps)
    assert np.array(shown["count"]) == pytest.approx(400 * np.array(weights))


def test_more_classes_compare_the_most_probable_one(classify):
    scores = np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])
    report = classify([0, 1, 2], scores, bins=10)
    assert report["metrics"]["ece"]["value"] == pytest.approx((2 * 0.1 + 0.2) / 3)
    assert report["metrics"]["mce"]["value"] == pytest.approx(0.2)
    assert report["curves"]["calibration"]["fraction"][0] is None


def test_edges_belong_to_the_bin_below():
    probabilities = np.array([0, 0.1, 0.1 + 1e-12, 0.3, 0.7, 1])
    forecasts = Forecasts.binary(probabilities, probabilities > 2, 10)
    assert forecasts.of_bin.tolist() == [0, 0, 1, 2, 6, 9]


def test_intervals_of_bins_are_only_claimed_for_independent_rows(classify):
    data = [0, 1, 1], [0.1, 0.2, 0.9]
    plain, grouped = (classify(*data, more=m, ci={}) for m in ({}, {"groups": [1, 2, 2]}))
    assert plain["curves"]["calibration"]["ci"][0] == [0, pytest.approx(0.7935, abs=1e-4)]
    assert grouped["curves"]["calibration"]["ci"] == [None] * 10
