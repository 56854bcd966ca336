from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from brightfield.metrics.counted.agreement_limits import AgreementLimits, CaseDifferences


def test_by_hand():
    errors = [2, -1, 0, 3, 1, -2, 0, 4]
    sample, family = CaseDifferences(errors), AgreementLimits()
    found = family.values(sample, sample.weighted(np.ones((1, 8))))
    mean, spread = np.mean(errors), np.std(errors, ddof=1)
    low, high = stats.norm.interval(0.95, mean, spread)
    assert [found["low"][0], found["high"][0]] == pytest.approx([low, high])
    error = spread * np.sqrt(1 / 8 + stats.norm.ppf(0.975) ** 2 / 14)
    spans = family.analytic(sample, 0.9)
    for name, limit in (("low", low), ("high", high)):
        expected = stats.t.interval(0.9, 7, limit, error)
        assert (spans[name].low, spans[name].high) == pytest.approx(expected)


def test_a_resample_is_the_same_as_its_rows():
    errors, weights = [2, -1, 0, 3, 1], np.array([[2, 0, 1, 2, 0], [1, 1, 1, 1, 1]], float)
    sample, family = CaseDifferences(errors), AgreementLimits()
    found = family.values(sample, sample.weighted(weights))["high"]
    drawn = CaseDifferences([2, 2, 0, 3, 3])
    assert found[0] == family.values(drawn, drawn.weighted(np.ones((1, 5))))["high"][0]


def test_one_case_has_none_and_equal_ones_no_interval():
    family = AgreementLimits()
    assert family.undefined(CaseDifferences([1])) == {"low": "too_few", "high": "too_few"}
    assert set(family.analytic(CaseDifferences([1, 1, 1]), 0.95).values()) == {"no_variation"}


def test_counts_of_fields(evaluate):
    rng = np.random.default_rng(0)
    fields = []
    for _ in range(6):
        truth = np.kron(np.arange(9).reshape(3, 3), np.ones((4, 4), int))
        found = np.where(rng.random(truth.shape) < 0.9, truth, 0)
        found[truth == rng.integers(1, 9)] = 0
        fields.append({"truth": {"array": truth.tolist()}, "prediction": {"array": found.tolist()}})
    fields[0]["prediction"] = fields[0]["truth"]
    report = evaluate("segmentation", {"pairs": fields}, mode="instance")
    errors = [case["found_objects"] - case["true_objects"] for case in report["cases"]]
    assert sorted(errors) == [-1] * 5 + [0]
    metrics = report["metrics"]
    assert metrics["count_error"]["value"] == pytest.approx(-5 / 6)
    spread = np.std(errors, ddof=1)
    assert metrics["count_limit_low"]["value"] == pytest.approx(-5 / 6 - 1.959964 * spread)
    assert metrics["count_limit_high"]["method"] == "limits"
