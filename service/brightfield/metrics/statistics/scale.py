"""Scales on which intervals are symmetric: the logit of a share, the logarithm of a size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import scipy

from brightfield.metrics.statistics.estimate import Interval, IntervalOrReason


@dataclass(frozen=True, slots=True)
class MetricScale:
    """g of the numbers between `low` and `high`, its derivative `slope`, and its inverse `back`."""

    low: float
    high: float
    to: Callable[[float], float]
    slope: Callable[[float], float]
    back: Callable[[float], float]

    def interval(
        self, value: float, error: float, quantile: float, centre: float | None = None
    ) -> IntervalOrReason:
        """g^-1(g(centre) -+ quantile error g'(centre)), made wide enough for `value`.

        `error` is the standard error; the centre is by default the value. So no end leaves what the
        number can be, and near its bounds the interval reaches farther inwards than outwards. At a
        bound there is no such interval (`no_variation`), and none is infinite (`too_few`).
        """
        middle = value if centre is None else centre
        if not self.low < middle < self.high:
            return "no_variation"
        place, half = self.to(middle), quantile * error * self.slope(middle)
        low, high = self.back(place - half), self.back(place + half)
        if not (math.isfinite(low) and math.isfinite(high)):
            return "too_few"
        return Interval(min(low, value), max(high, value), "t")


def _same(value: float) -> float:
    return value


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


PLAIN = MetricScale(-math.inf, math.inf, _same, lambda _: 1.0, _same)
"""As it is: numbers without bounds, and differences."""

LOG = MetricScale(0.0, math.inf, math.log, lambda x: 1 / x, _exp)
"""The logarithm: sizes, distances, losses."""

LOGIT = MetricScale(
    0.0, 1.0, lambda x: math.log(x) - math.log1p(-x), lambda x: 1 / (x * (1 - x)),
    lambda x: float(scipy.special.expit(x)),
)  # fmt: skip
"""ln(x / (1 - x)): shares and what else lies between 0 and 1."""

FISHER = MetricScale(-1.0, 1.0, math.atanh, lambda x: 1 / (1 - x * x), math.tanh)
"""Fisher's z = artanh: correlations and what else lies between -1 and 1."""
