"""Limits of agreement: between which the differences of most cases lie."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray

from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Interval, IntervalOrReason, Reason
from brightfield.metrics.statistics.family import Family, ratio
from brightfield.metrics.statistics.resampling import SampleWeights

# Between the limits lie 95 % of normally distributed differences, whatever level intervals have.
_WIDE = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, eq=False)
class CaseDifferences:
    """What was found less what is true, of n cases."""

    values: Sequence[float]

    @cached_property
    def array(self) -> NDArray[np.float64]:
        """(n,)"""
        return np.array(self.values, np.float64)

    def followed_by(self, other: CaseDifferences) -> CaseDifferences:
        """Both, one after the other."""
        return CaseDifferences([*self.values, *other.values])

    def weighted(self, weights: SampleWeights) -> tuple[Batch, Batch]:
        """(B,) mean and standard deviation."""
        total = weights.sum(axis=1)
        mean = ratio(weights @ self.array, total)
        apart = (weights * (self.array[None, :] - mean[:, None]) ** 2).sum(axis=1)
        return mean, np.sqrt(ratio(apart, total - 1))


class AgreementLimits(Family[CaseDifferences, tuple[Batch, Batch]]):
    """low and high = mean -+ 1.96 standard deviations of the differences.

    Of normal differences 95 % lie between them; fewer than two cases have none (`too_few`). With t
    the quantile of Student's distribution with n - 1 degrees of freedom, the interval of a limit is

        limit -+ t s sqrt(1 / n + 1.96^2 / (2 (n - 1)))

    Source: Bland and Altman, "Measuring agreement in method comparison studies", Statistical
    Methods in Medical Research 8, 1999.
    """

    names: ClassVar[tuple[str, ...]] = ("low", "high")

    def values(self, sample: CaseDifferences, weighted: tuple[Batch, Batch]) -> Mapping[str, Batch]:
        mean, spread = weighted
        return {"low": mean - _WIDE * spread, "high": mean + _WIDE * spread}

    def undefined(self, sample: CaseDifferences) -> Mapping[str, Reason]:
        if not sample.values:
            return dict.fromkeys(self.names, "no_cases")
        return {} if len(sample.values) > 1 else dict.fromkeys(self.names, "too_few")

    def sizes(self, sample: CaseDifferences) -> Mapping[str, int]:
        return dict.fromkeys(self.names, len(sample.values))

    def analytic(self, sample: CaseDifferences, level: float) -> Mapping[str, IntervalOrReason]:
        n, values = len(sample.values), sample.array
        spread = float(values.std(ddof=1))
        if not spread:
            return dict.fromkeys(self.names, "no_variation")
        error = spread * math.sqrt(1 / n + _WIDE**2 / (2 * (n - 1)))
        half = float(scipy.special.stdtrit(n - 1, (1 + level) / 2)) * error
        centre = float(values.mean())
        return {
            name: Interval(limit - half, limit + half, "limits")
            for name, limit in (("low", centre - _WIDE * spread), ("high", centre + _WIDE * spread))
        }
