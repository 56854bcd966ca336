"""The part of a ROC curve in which one of the two rates is small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.ranking import Sweep
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.family import ratio

# 1 - 1 / 10 is less than 0.9 by rounding alone.
_NEARLY = 1 - 1e-12

CurveRates = NDArray[np.float64]
"""(B, m) float64: a rate along each of B curves, not falling."""


def roc_rates(weighted: Sweep) -> tuple[CurveRates, CurveRates]:
    """False and true positive rate at each threshold, from (0, 0) on."""
    tp = np.pad(np.asarray(weighted.tp, np.float64), ((0, 0), (1, 0)))
    fp = np.pad(np.asarray(weighted.called, np.float64), ((0, 0), (1, 0))) - tp
    return ratio(fp, fp[:, -1:]), ratio(tp, tp[:, -1:])


def best_rate(held: CurveRates, best: CurveRates, least: float) -> Batch:
    """The greatest `best` of all thresholds at which `held` is at least `least`; NaN where a rate
    is."""
    found = np.where(held >= least * _NEARLY, best, 0.0).max(axis=1)
    return np.where(np.isnan(held[:, 0]) | np.isnan(best[:, 0]), np.nan, found)


def partial_area(across: CurveRates, up: CurveRates, most: float) -> Batch:
    """The area below the curve from 0 to `most` of the rate `across`, as AUROC would be.

    With A the area of trapezoids, the last of which is cut at `most`:

        (1 + (A - most^2 / 2) / (most - most^2 / 2)) / 2

    1 is perfect and 0.5 is chance, as with AUROC; NaN where a rate is. Source: McClish, "Analyzing
    a portion of the ROC curve", Medical Decision Making 9, 1989.
    """
    start, step = across[:, :-1], np.diff(across)
    width = np.minimum(across[:, 1:], most) - np.minimum(start, most)
    share = np.divide(width, step, out=np.zeros_like(step), where=step > 0)
    area = (width * (up[:, :-1] + np.diff(up) * share / 2)).sum(axis=1)
    least = most * most / 2
    return np.asarray((1 + (area - least) / (most - least)) / 2)
