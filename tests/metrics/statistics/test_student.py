"""Student's intervals against the formulas and against leaving out rows one by one."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from brightfield.metrics.counted.cases import Draws, MeanOfCases, mean_line
from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.families.average_precision import leave_one_out
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.resampling import CellResampler
from brightfield.progress import no_progress


def test_a_mean_of_few_cases_by_the_logit():
    values = np.array([0.9, 0.7, 0.85, 0.6])
    line = mean_line(("metrics", "dice"), values.tolist(), MeanOfCases())
    found = Draws(4, None, Confidence(level=0.9), no_progress).estimates([line])
    span, mean = found["metrics", "dice"].span, values.mean()
    half = scipy.stats.t.ppf(0.95, 3) * scipy.stats.sem(values) / (mean * (1 - mean))
    ends = scipy.special.expit(scipy.special.logit(mean) + half * np.array([-1, 1]))
    assert (span.low, span.high) == pytest.approx(tuple(ends))


@pytest.mark.parametrize("digits", [1, 15])
def test_average_precision_without_each_row(digits):
    rng = np.random.default_rng(digits)
    positive = rng.random(60) < 0.4
    scores = np.round(rng.normal(size=60) + positive, digits)
    left = [
        average_precision_score(np.delete(positive, i), np.delete(scores, i)) for i in range(60)
    ]
    error = np.sqrt(59 * np.var(left))
    area = average_precision_score(positive, scores)
    freedom = min(positive.sum(), 60 - positive.sum()) - 1
    half = scipy.stats.t.ppf(0.975, freedom) * error / (area * (1 - area))
    found = leave_one_out(Ranking.of(scores, positive), 0.95)
    ends = scipy.special.expit(scipy.special.logit(area) + half * np.array([-1, 1]))
    assert (found.low, found.high) == pytest.approx(tuple(ends), abs=1e-12)


def test_a_table_by_the_delta_method():
    """Of a share p of n rows with a quarter more in each cell: p (1 - p) / (n + 1)."""
    table = np.array([[13, 7], [5, 15]])

    def accuracy(weights):
        return (weights[:, [0, 3]].sum(axis=1) / weights.sum(axis=1))[:, None]

    found = CellResampler(table).spread(accuracy, np.array([0.7]), no_progress)
    p = 28.5 / 41
    assert found.centre == pytest.approx([p])
    assert found.error == pytest.approx([np.sqrt(p * (1 - p) / 41)], rel=1e-4)
    assert found.freedom == 39


def test_the_line_of_calibration_against_scikit_learn(classify):
    rng = np.random.default_rng(4)
    stated = rng.beta(2, 3, 400)
    truth = rng.random(400) < stated**1.5
    found = classify(truth.astype(int), stated, ci={})["metrics"]
    logits = scipy.special.logit(stated)[:, None]
    line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logits, truth)
    assert found["calibration_slope"]["value"] == pytest.approx(line.coef_[0, 0], abs=1e-4)
    level = scipy.optimize.brentq(
        lambda a: scipy.special.expit(logits[:, 0] + a).sum() - truth.sum(), -5, 5
    )
    assert found["calibration_intercept"]["value"] == pytest.approx(level, abs=1e-8)
    assert found["calibration_intercept"]["ci"][1] < 0  # they are too high
    assert (found["ece"]["ci"], found["ece"]["ci_undefined"]) == (None, "biased")
    low, high = found["ece_debiased"]["ci"]
    assert low < found["ece_debiased"]["value"] < high


def test_a_debiased_error_is_what_pairs_of_rows_say(classify):
    rng = np.random.default_rng(8)
    stated = rng.random(120)
    truth = rng.random(120) < stated**2
    surplus, bins = truth - stated, np.ceil(stated * 10).astype(int)
    total, rows = 0.0, 0
    for number in range(1, 11):
        own = surplus[bins == number]
        if own.size >= 3:
            pairs = np.outer(own, own)
            total += (pairs.sum() - np.trace(pairs)) / (own.size - 1)
            rows += own.size
    found = classify(truth.astype(int), stated)["metrics"]["ece_debiased"]
    assert found["value"] == pytest.approx(np.sqrt(total / rows))
    assert found["n"] == rows


def test_what_separates_has_no_slope(classify):
    found = classify([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.7, 0.9], ci={})["metrics"]
    assert found["calibration_slope"]["undefined"] == "separated"
    assert found["calibration_intercept"]["value"] is not None
    assert found["calibration_intercept"]["ci_undefined"] == "too_few"


def test_too_few_are_null_and_few_are_told(classify, evaluate):
    rng = np.random.default_rng(0)
    truth, scores = rng.integers(0, 2, 60), rng.random(60)

    def grouped(count):
        return classify(truth, scores, more={"groups": np.arange(60) % count}, ci={})

    assert grouped(4)["metrics"]["auroc"]["ci_undefined"] == "too_few"
    six = grouped(6)
    assert [each["code"] for each in six["warnings"]] == ["few_units"]
    assert six["metrics"]["auroc"]["method"] == "t"
    assert "delong" not in six["conventions"] and "6 groups" in six["warnings"][0]["detail"]
    assert grouped(20)["warnings"] == []
    few = classify(np.arange(60) < 5, scores, ci={})
    assert [each["code"] for each in few["warnings"]] == ["few_members"]
    assert few["metrics"]["average_precision"]["ci_undefined"] == "too_few"
