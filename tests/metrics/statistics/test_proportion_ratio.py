from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

from brightfield.metrics.statistics.proportion_ratio import proportion_ratio


def test_a_published_example():
    """Koopman's: 36 of 40 against 16 of 80."""
    found = proportion_ratio(36, 40, 16, 80, 0.95)
    assert (found.low, found.high) == pytest.approx((2.94, 7.15), abs=5e-3)


@pytest.mark.parametrize("counts", [(5, 30, 2, 40), (30, 30, 3, 50), (0, 20, 9, 25), (7, 9, 8, 8)])
def test_the_bounds_are_where_pearsons_statistic_is_the_quantile(counts):
    """The likeliest proportions at a ratio are sought, not solved for."""
    first, n, second, m = counts
    found = proportion_ratio(*counts, 0.9)

    def likelihood(p, r):
        terms = (first, p), (n - first, 1 - p), (second, p / r), (m - second, 1 - p / r)
        return -sum(k * np.log(max(q, 1e-300)) for k, q in terms if k)

    for r in (found.low, found.high):
        if not r:
            assert not first
            continue
        most = min(1.0, r)
        p = minimize_scalar(
            likelihood, bounds=(0, most), args=(r,), method="bounded", options={"xatol": 1e-12}
        ).x
        statistic = sum(
            (k - size * q) ** 2 / (size * q * (1 - q))
            for k, size, q in ((first, n, p), (second, m, p / r))
            if q < 1 - 1e-9
        )
        assert statistic == pytest.approx(chi2.ppf(0.9, 1), rel=1e-4)


def test_what_is_no_ratio_is_refused():
    with pytest.raises(ValueError, match="no ratio"):
        proportion_ratio(1, 2, 0, 5, 0.95)
