"""Bootstrap intervals of several statistics at once, from shared resamples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from brightfield.metrics.statistics.blocks import batches
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Interval, IntervalOrReason
from brightfield.metrics.statistics.resampling import Folds, Resampler, SampleWeights
from brightfield.progress import Progress, Step

Batch = NDArray[np.float64]
"""(B,) float64: a statistic of each of B samples, NaN where it is undefined."""

Statistics = Callable[[SampleWeights], NDArray[np.float64]]
"""From (B, units) weights to (B, m): m statistics of each sample."""

# Draws that are all alike but for rounding say nothing.
_EQUAL = 1e-12


def bootstrap(
    statistics: Statistics,
    values: NDArray[np.float64],
    resampler: Resampler,
    confidence: Confidence,
    progress: Progress,
) -> list[IntervalOrReason]:
    """An interval for each of the (m,) `values`, or why it has none.

    `too_few` with fewer than two rows or groups to draw from; `few_resamples` where the statistic
    is undefined in more than half of the resamples; `no_variation` where all agree. Percentile:
    the quantiles of the draws. BCa: `bca_levels`. Source: Efron, "Better bootstrap confidence
    intervals", JASA 82, 1987.
    """
    if resampler.drawn < 2:
        return ["too_few"] * len(values)
    draws = _draws(statistics, resampler, confidence, progress)
    method: Literal["percentile", "bca"] = "bca" if confidence.method == "bca" else "percentile"
    skewness = np.zeros(len(values))
    if method == "bca":
        skewness = acceleration(resampler.left_out(statistics, progress), resampler.folds)
    tails = np.array([(1 - confidence.level) / 2, (1 + confidence.level) / 2])
    return [
        _span(column, value, tails, method, skew)
        for column, value, skew in zip(draws.T, values.tolist(), skewness.tolist(), strict=True)
    ]


def bca_levels(
    draws: Batch, value: float, tails: NDArray[np.float64], acceleration: float
) -> NDArray[np.float64]:
    """The quantiles of the draws that bound the BCa interval.

    z0 is the normal quantile of the share of draws below the value (ties count half), and

        level = Phi(z0 + (z0 + z) / (1 - a (z0 + z)))      for the normal quantile z of each tail
    """
    below = np.mean(draws < value) + np.mean(draws == value) / 2
    bias = scipy.special.ndtri(np.clip(below, 0.5 / draws.size, 1 - 0.5 / draws.size))
    moved = bias + scipy.special.ndtri(tails)
    levels: NDArray[np.float64] = scipy.special.ndtr(bias + moved / (1 - acceleration * moved))
    return levels


def acceleration(left_out: NDArray[np.float64], folds: Folds) -> NDArray[np.float64]:
    """The skewness a of (folds, m) statistics that were found with each fold left out.

    With U = (n - 1)(mean - value) for the n folds of a stratum,

        a = sum_strata (sum U^3 / n^3) / (6 (sum_strata sum U^2 / n^2)^(3/2))

    0 where nothing varies. Source: DiCiccio and Efron, "Bootstrap confidence intervals",
    Statistical Science 11, 1996.
    """
    cubes = squares = np.zeros(left_out.shape[1])
    for stratum in np.unique(folds.strata).tolist():
        chosen = folds.strata == stratum
        copies, values = folds.copies[chosen].astype(np.float64), left_out[chosen]
        n, known = copies.sum(), np.isfinite(values)
        mean = copies @ np.where(known, values, 0.0) / np.maximum(1.0, copies @ known)
        # U / n, and 0 where the statistic is undefined without the fold.
        influence = np.where(known, (n - 1) / n * (mean - values), 0.0)
        cubes = cubes + copies @ influence**3
        squares = squares + copies @ influence**2
    varies = squares > 0
    skewness = np.zeros(left_out.shape[1])
    skewness[varies] = cubes[varies] / (6 * squares[varies] ** 1.5)
    return skewness


def _span(
    draws: Batch,
    value: float,
    tails: NDArray[np.float64],
    method: Literal["percentile", "bca"],
    skewness: float,
) -> IntervalOrReason:
    finite = draws[np.isfinite(draws)]
    if 2 * finite.size < draws.size:
        return "few_resamples"
    if np.ptp(finite) <= _EQUAL * max(1.0, abs(value)):
        return "no_variation"
    levels = bca_levels(finite, value, tails, skewness) if method == "bca" else tails
    low, high = np.quantile(finite, np.clip(levels, 0.0, 1.0)).tolist()
    return Interval(low, high, method)


def _draws(
    statistics: Statistics, resampler: Resampler, confidence: Confidence, progress: Progress
) -> NDArray[np.float64]:
    rng = np.random.default_rng(confidence.seed)
    found = []
    for start, stop in batches(confidence.resamples, resampler.units):
        progress(Step(start, confidence.resamples))
        found.append(statistics(resampler.draw(rng, stop - start)))
    return np.concatenate(found)
