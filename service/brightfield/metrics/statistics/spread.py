"""How much numbers vary from sample to sample: the jackknife."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Differences between statistics that are the rounding of their terms.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Spread:
    """Of m statistics their `centre` and standard `error`, with so many degrees of `freedom`.

    An error is NaN where a statistic is undefined without one of the parts left out, and 0 where
    nothing varies.
    """

    centre: NDArray[np.float64]
    error: NDArray[np.float64]
    freedom: int


def jackknife(values: NDArray[np.float64], left_out: NDArray[np.float64]) -> Spread:
    """Of (m,) values the spread by (folds, m) statistics without each of g folds:

        error^2 = (g - 1) / g  sum (statistic - mean)^2,  g - 1 degrees of freedom

    With whole groups for folds it needs no model of how rows of a group depend on one another, and
    with Student's t it holds for few groups. Sources: Tukey, "Bias and confidence in not quite
    large samples", Annals of Mathematical Statistics 29, 1958; MacKinnon, Nielsen and Webb, "Fast
    and reliable jackknife and bootstrap methods for cluster-robust inference", Journal of Applied
    Econometrics 38, 2023.
    """
    folds = len(left_out)
    deviations = left_out - left_out.mean(axis=0)
    error = np.sqrt((folds - 1) / folds * np.square(deviations).sum(axis=0))
    error[error <= ROUNDING * np.maximum(1.0, np.abs(values))] = 0.0
    return Spread(values, error, folds - 1)
