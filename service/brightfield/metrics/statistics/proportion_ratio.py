"""The score interval of a ratio of two independent proportions."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import scipy

from brightfield.metrics.statistics.estimate import Interval

# Factors by which a bound is sought; so many of them reach beyond every ratio of counts.
_STEP, _STEPS = 4.0, 200


def proportion_ratio(first: int, n: int, second: int, m: int, level: float) -> Interval:
    """The ratios r = (first / n) / (second / m) that the score test does not reject.

    With p the likeliest first proportion where r holds, and z the normal quantile of
    (1 + level) / 2, those r for which

        (first - n p)^2 / (n p (1 - p)) (1 + n (r - p) / (m (1 - p))) <= z^2

    It is not empty at first = 0, where it begins with 0. Needs 0 <= first <= n and
    0 < second <= m, else `ValueError`. Source: Koopman, "Confidence intervals for the ratio of two
    binomial proportions", Biometrics 40, 1984.
    """
    if not (0 <= first <= n and 0 < second <= m and n):
        raise ValueError(f"{first} of {n} and {second} of {m} have no ratio")
    limit = NormalDist().inv_cdf((1 + level) / 2) ** 2
    ratio = first / n * m / second

    def beyond(log_ratio: float) -> float:
        return _score(math.exp(log_ratio), first, n, second, m) - limit

    # At 0 of n the ratio is 0, and its upper bound is sought from the least that could be seen.
    start = math.log(ratio or 0.5 / n * m / second)
    low = 0.0 if first == 0 else math.exp(_bound(beyond, start, -1))
    return Interval(low, math.exp(_bound(beyond, start, 1)), "score")


def _bound(beyond: Callable[[float], float], start: float, sign: int) -> float:
    """The root on one side of `start`, from where the function is not positive any more."""
    step = sign * math.log(_STEP)
    inner = start
    for _ in range(_STEPS):
        outer = inner + step
        if beyond(outer) > 0:
            return float(scipy.optimize.brentq(beyond, inner, outer, xtol=1e-12))
        inner = outer
    raise ArithmeticError("a score has no bound")  # pragma: no cover


def _score(r: float, first: int, n: int, second: int, m: int) -> float:
    """The statistic for a ratio r above 0."""
    if first == n and r * (n + second) >= n + m:  # the likeliest first proportion is 1
        return (second * r - m) ** 2 / (m * (r - 1)) if r > 1 else 0.0
    b = r * (n + second) + first + m
    root = math.sqrt(max(0.0, b * b - 4 * r * (n + m) * (first + second)))
    # The smaller root of a quadratic, without the cancellation of b - root.
    p = 2 * r * (first + second) / (b + root)
    return (first - n * p) ** 2 / (n * p * (1 - p)) * (1 + n * (r - p) / (m * (1 - p)))
