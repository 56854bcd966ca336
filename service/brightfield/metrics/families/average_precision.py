"""Average precision: the precision-recall curve summed in steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.ranking import Ranking, RankingFamily, Sweep
from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import IntervalOrReason, Reason
from brightfield.metrics.statistics.family import ratio
from brightfield.metrics.statistics.scale import LOGIT, Scale
from brightfield.metrics.statistics.spread import ROUNDING
from brightfield.metrics.statistics.student import t_quantile

# Positives, and negatives, with which the interval holds.
_LEAST = 10


class AveragePrecision(RankingFamily):
    """sum over descending thresholds of (recall_i - recall_(i-1)) precision_i, in [0, 1].

    Never a trapezoid, which is too favourable: precision is not linear between two thresholds. A
    ranking that knows nothing has about the share of positives. Undefined without positives; 1
    without negatives. Its interval is that of `leave_one_out`; with fewer than 10 positives or
    negatives there is none, since no method holds (`too_few`). Source: Davis and Goadrich, "The
    relationship between precision-recall and ROC curves", ICML 2006.
    """

    names: ClassVar[tuple[str, ...]] = ("average_precision",)
    scales: ClassVar[Mapping[str, Scale]] = {"average_precision": LOGIT}

    def values(self, sample: Ranking, weighted: Sweep) -> Mapping[str, Batch]:
        area, before = np.zeros(len(weighted.tp)), 0
        for own in blocks(sample.ends.size):
            # Only positives bring recall; where none of the rows so far was drawn, tp is 0.
            gains = own.start + np.flatnonzero(np.diff(sample.tp[own], prepend=before))
            before = int(sample.tp[own][-1])
            right, tp = weighted.right[:, gains], weighted.tp[:, gains]
            precision = tp / np.maximum(weighted.called[:, gains], 1.0)
            area += np.einsum("bi,bi->b", right, precision)
        return {"average_precision": ratio(area, weighted.tp[:, -1])}

    def undefined(self, sample: Ranking) -> Mapping[str, Reason]:
        if not sample.n:
            return {"average_precision": "no_rows"}
        return {} if sample.positives else {"average_precision": "no_positives"}

    def untold(self, sample: Ranking) -> Mapping[str, Reason]:
        few = min(sample.positives, sample.negatives) < _LEAST
        return {"average_precision": "too_few"} if few and sample.positives else {}

    def analytic(self, sample: Ranking, level: float) -> Mapping[str, IntervalOrReason]:
        if sample.drawn != sample.n:  # several places of a row are not independent
            return {}
        return self.untold(sample) or {"average_precision": leave_one_out(sample, level)}


def leave_one_out(ranking: Ranking, level: float) -> IntervalOrReason:
    """logit(AP) -+ t error / (AP (1 - AP)), back from the logit, by a jackknife of all rows:

        error^2 = (n - 1) / n  sum (AP without a row - their mean)^2

    in O(n): without a row of threshold t the terms before t stay, and those after it lose one row
    of those called, and a true one if it was positive. t has one degree of freedom less than there
    are positives, or negatives if these are fewer: they are what precision is uncertain by.
    Sources: Tukey, "Bias and confidence in not quite large samples", Annals of Mathematical
    Statistics 29, 1958; Boyd, Eng and Page, "Area under the precision-recall curve: point estimates
    and confidence intervals", ECML 2013 (the logit).
    """
    right = np.diff(ranking.tp, prepend=0).astype(np.float64)
    called = (ranking.ends + 1).astype(np.float64)
    gains = right * ranking.tp / called
    area = gains.sum() / ranking.positives
    without = _without(ranking, right, called, gains)
    counts = right, np.diff(called, prepend=0.0) - right
    n = ranking.n
    mean = sum(float(c @ v) for c, v in zip(counts, without, strict=True)) / n
    squares = sum(float(c @ np.square(v - mean)) for c, v in zip(counts, without, strict=True))
    error = math.sqrt((n - 1) / n * squares)
    if error <= ROUNDING:
        return "no_variation"
    freedom = min(ranking.positives, ranking.negatives) - 1
    return LOGIT.interval(float(area), error, t_quantile(level, freedom))


def _without(
    ranking: Ranking,
    right: NDArray[np.float64],
    called: NDArray[np.float64],
    gains: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(thresholds,) each: the average precision without a positive of a threshold, and without a
    negative of it."""
    fewer = np.maximum(1.0, called - 1)
    before = np.cumsum(gains) - gains
    after = _beyond(right * ranking.tp / fewer)
    lost = _beyond(right / fewer)
    of_positive = before + (right - 1) * (ranking.tp - 1) / fewer + after - lost
    of_negative = before + right * ranking.tp / fewer + after
    return of_positive / (ranking.positives - 1), of_negative / ranking.positives


def _beyond(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the values behind each."""
    return np.asarray(values.sum() - np.cumsum(values))
