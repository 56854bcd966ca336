from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from sklearn.metrics import roc_auc_score

from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.families.auroc import delong
from brightfield.metrics.statistics.estimate import Interval


def placements(scores, positive):
    """DeLong's structural components by comparing every positive with every negative."""
    above = scores[positive][:, None] - scores[~positive][None, :]
    wins = (above > 0) + (above == 0) / 2
    return wins.mean(axis=1), wins.mean(axis=0)


@pytest.mark.parametrize("digits", [1, 2, 15])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_delong_against_all_pairs(digits, level):
    rng = np.random.default_rng(digits)
    positive = rng.random(80) < 0.3
    scores = np.round(rng.random(80) + 0.3 * positive, digits)
    forth, back = placements(scores, positive)
    area = forth.mean()
    parts = forth.var(ddof=1) / forth.size, back.var(ddof=1) / back.size
    variance = sum(parts)
    freedom = variance**2 / (parts[0] ** 2 / (forth.size - 1) + parts[1] ** 2 / (back.size - 1))
    half = scipy.stats.t.ppf((1 + level) / 2, freedom) * math.sqrt(variance) / (area * (1 - area))
    found = delong(Ranking.of(scores, positive), level)
    assert isinstance(found, Interval)
    ends = scipy.special.expit(scipy.special.logit(area) + np.array([-half, half]))
    assert (found.low, found.high) == pytest.approx(tuple(ends), abs=1e-12)


def test_the_least_example_and_its_interval(classify):
    report = classify([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], ci={})
    auroc = report["metrics"]["auroc"]
    assert auroc["value"] == 0.75
    # Both variances are 0.125 / 2 with one degree of freedom each: two together.
    half = scipy.stats.t.ppf(0.975, 2) * math.sqrt(0.125) / (0.75 * 0.25)
    assert auroc["ci"] == pytest.approx(
        [scipy.special.expit(math.log(3) + s * half) for s in (-1, 1)]
    )
    assert (auroc["clipped"], auroc["method"], auroc["n"]) == (False, "delong", 4)


def test_ties_count_half():
    rng = np.random.default_rng(0)
    positive, scores = rng.random(500) < 0.4, rng.integers(0, 7, 500).astype(float)
    ranking = Ranking.of(scores, positive)
    auroc = classify_value(ranking)
    assert auroc == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)
    assert classify_value(Ranking.of(np.zeros(9), np.arange(9) < 4)) == 0.5


def classify_value(ranking):
    from brightfield.metrics.families.auroc import Auroc

    return Auroc().values(ranking, ranking.weighted(np.ones((1, ranking.n))))["auroc"][0]


@pytest.mark.parametrize(
    ("truth", "reason"), [([0, 1, 1], "too_few"), ([0, 0, 1, 1], "no_variation")]
)
def test_no_interval_is_claimed_where_the_formula_has_none(truth, reason, classify):
    scores = np.linspace(0, 1, len(truth)).tolist()
    auroc = classify(truth, scores, ci={})["metrics"]["auroc"]
    assert (auroc["value"], auroc["ci"], auroc["ci_undefined"]) == (1, None, reason)
