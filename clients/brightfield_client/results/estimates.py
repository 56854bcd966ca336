"""Numbers with their intervals."""

from __future__ import annotations

from brightfield_client.results._shapes import MetricDifference, MetricEstimate


class Estimate(MetricEstimate):
    """A number with its interval over `n` observations.

    Where there is no value, `undefined` says why, and `ci_undefined` likewise of the interval;
    `method` is how the interval was found, and `clipped` whether it was cut to what is possible.
    """

    def __str__(self) -> str:
        if self.value is None:
            return f"undefined ({self.undefined})"
        interval = "" if self.ci is None else f" ({self.ci[0]:.3f} to {self.ci[1]:.3f})"
        return f"{self.value:.3f}{interval}"


class Difference(MetricDifference):
    """A number of two runs and `a` minus `b` with its interval.

    `p_value` is there where a test is, as DeLong's of AUROC; where there is no difference,
    `undefined` says why, and `ci_undefined` likewise of the interval.
    """

    def __str__(self) -> str:
        if self.difference is None:
            return f"undefined ({self.undefined})"
        interval = "" if self.ci is None else f" ({self.ci[0]:+.3f} to {self.ci[1]:+.3f})"
        p = "" if self.p_value is None else f", p = {self.p_value:.3g}"
        return f"{self.difference:+.3f}{interval}{p}"
