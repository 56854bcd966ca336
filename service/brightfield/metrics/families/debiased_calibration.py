"""The calibration error without what chance alone makes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.forecasts import ForecastFamily, Forecasts, binned
from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Interval, IntervalOrReason, Reason
from brightfield.metrics.statistics.family import ratio
from brightfield.metrics.statistics.resampling import SampleWeights
from brightfield.metrics.statistics.student import t_quantile

# Rows of a bin that tell how much chance makes its gap vary, also without one of them.
_LEAST = 3


class DebiasedCalibration(ForecastFamily):
    """Over bins b of n_b >= 3 rows with the surplus d = (came true) - probability of each row:

        ece_debiased^2 = sum_b n_b / n (mean(d)^2 - var(d) / n_b),  var over n_b - 1

    and 0 where that is negative. `ece` is the mean |mean(d)| and above 0 even for perfect
    probabilities; the variance of mean(d) is what chance adds to its square, so what is left is 0
    on average for them. It is a root of mean squares, so a few bad bins weigh more. In [0, 1].
    Sources: Kumar, Liang and Ma, "Verified uncertainty calibration", NeurIPS 2019 (who take
    share (1 - share) for the variance); Ferro and Fricker, "A bias-corrected decomposition of the
    Brier score", Quarterly Journal of the Royal Meteorological Society 138, 2012.
    """

    names: ClassVar[tuple[str, ...]] = ("ece_debiased",)

    def values(self, sample: Forecasts, weighted: SampleWeights) -> Mapping[str, Batch]:
        sums = np.zeros((3, len(weighted), sample.bins))
        for own in blocks(sample.n):
            of_bin, weights, more = sample.of_bin[own], weighted[:, own], _surplus(sample, own)
            numbers = weights, weights * more, weights * more**2
            sums += np.stack([binned(each, of_bin, sample.bins) for each in numbers])
        counts, known = sums[0], sums[0] >= _LEAST
        total = np.where(known, counts, 0.0).sum(axis=1)
        squared = ratio(_parts(*sums).sum(axis=1), total)
        return {"ece_debiased": np.sqrt(np.maximum(0.0, squared))}

    def undefined(self, sample: Forecasts) -> Mapping[str, Reason]:
        if not sample.n:
            return {"ece_debiased": "no_rows"}
        return {} if self.sizes(sample)["ece_debiased"] else {"ece_debiased": "too_few"}

    def untold(self, sample: Forecasts) -> Mapping[str, Reason]:
        return {"ece_debiased": "biased"}

    def sizes(self, sample: Forecasts) -> Mapping[str, int]:
        counts = np.bincount(sample.of_bin, minlength=sample.bins)
        return {"ece_debiased": int(counts[counts >= _LEAST].sum())}

    def analytic(self, sample: Forecasts, level: float) -> Mapping[str, IntervalOrReason]:
        """The square -+ t error by a jackknife of all rows, in O(n): without a row the sums of its
        bin are less by it. Cut at 0, and the root of both ends."""
        value, error, n = _jackknife(sample)
        half = error * t_quantile(level, n - 1)
        low, high = (math.sqrt(max(0.0, end)) for end in (value - half, value + half))
        found = Interval(low, high, "t", value < half)
        return {"ece_debiased": found if high > low else "no_variation"}


def _surplus(sample: Forecasts, own: slice) -> NDArray[np.float64]:
    """(n,) what came true less what was stated."""
    return sample.hit[own] - sample.confidence[own]


def _parts(
    counts: NDArray[np.float64], surplus: NDArray[np.float64], squares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What each bin adds to n times the square, 0 of bins with few rows: with sums S of d and Q of
    d^2 the formula above is (S^2 - Q) / (n_b - 1), a sum over pairs of rows."""
    found = np.zeros_like(counts)
    np.divide(surplus**2 - squares, counts - 1, out=found, where=counts >= _LEAST)
    return found


def _jackknife(sample: Forecasts) -> tuple[float, float, int]:
    """The square, its error, and how many rows have a part in it."""
    sums = np.zeros((3, sample.bins))
    for own in blocks(sample.n):
        more = _surplus(sample, own)[None]
        numbers = np.ones_like(more), more, more**2
        sums += np.stack([binned(each, sample.of_bin[own], sample.bins)[0] for each in numbers])
    counts, surplus, squares = sums
    parts = _parts(counts, surplus, squares)
    whole, n = float(parts.sum()), int(counts[counts >= _LEAST].sum())
    total = square = 0.0
    for own in blocks(sample.n):
        of_bin, more = sample.of_bin[own], _surplus(sample, own)
        known = counts[of_bin] >= _LEAST
        of_bin, more = of_bin[known], more[known]
        rest = (surplus[of_bin] - more) ** 2 - (squares[of_bin] - more**2)
        moved = (whole - parts[of_bin] + rest / (counts[of_bin] - 2)) / (n - 1) - whole / n
        total += float(moved.sum())
        square += float(np.square(moved).sum())
    error = math.sqrt(max(0.0, (n - 1) / n * (square - total**2 / n)))
    return whole / n, error, n
