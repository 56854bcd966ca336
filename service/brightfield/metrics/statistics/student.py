"""Intervals and tests by Student's t: the statistic, its standard error, its degrees of freedom."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.estimate import IntervalOrReason
from brightfield.metrics.statistics.resampling import Resampler, SampleWeights
from brightfield.metrics.statistics.scale import MetricScale
from brightfield.metrics.statistics.spread import ROUNDING
from brightfield.progress import Progress, Step

# Fewer rows, cases or groups tell too little about how much a number varies.
LEAST_UNITS = 5


@dataclass(frozen=True, slots=True)
class StudentTest:
    """An interval, and the two-sided p-value of the number being 0."""

    span: IntervalOrReason
    p_value: float | None = None


def student(
    statistics: Callable[[SampleWeights], NDArray[np.float64]],
    values: NDArray[np.float64],
    scales: Sequence[MetricScale],
    resampler: Resampler,
    level: float,
    progress: Progress,
) -> list[StudentTest]:
    """An interval for each of the (m,) `values` on its scale g:

        g^-1(g(value) -+ t error g'(value)),  t the quantile of Student's distribution

    Error and degrees of freedom are those of the resampler's `spread`. `too_few` where the number
    is not defined without one of the parts, `no_variation` where it is the same without each.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 12.
    """
    progress(Step(0, resampler.looks))
    found = resampler.spread(statistics, values, progress)
    quantile = t_quantile(level, found.freedom)
    each = zip(values.tolist(), found.centre.tolist(), found.error.tolist(), scales, strict=True)
    return [
        _test(scale, value, centre, error, quantile, found.freedom)
        for value, centre, error, scale in each
    ]


def t_quantile(level: float, freedom: float) -> float:
    """The t beyond which (1 - level) / 2 of Student's distribution lies."""
    return float(scipy.special.stdtrit(freedom, (1 + level) / 2))


def _test(
    scale: MetricScale, value: float, centre: float, error: float, quantile: float, freedom: int
) -> StudentTest:
    if np.isnan(error):
        return StudentTest("too_few")
    if not error:
        return StudentTest("no_variation")
    chance = 2 * float(scipy.special.stdtr(freedom, -abs(centre) / error))
    return StudentTest(scale.interval(value, error, quantile, centre), chance)


def mean_interval(
    values: NDArray[np.float64], scale: MetricScale, level: float
) -> IntervalOrReason:
    """Of the mean of (n,) independent values: as by `student`, whose error is then s / sqrt(n).
    Needs `LEAST_UNITS` of them (`too_few`)."""
    n = values.size
    if n < LEAST_UNITS:
        return "too_few"
    mean = float(values.mean())
    squares = sum(float(np.square(values[own] - mean).sum()) for own in blocks(n))
    error = math.sqrt(squares / (n - 1) / n)
    if error <= ROUNDING * max(1.0, abs(mean)):
        return "no_variation"
    return scale.interval(mean, error, t_quantile(level, n - 1))
