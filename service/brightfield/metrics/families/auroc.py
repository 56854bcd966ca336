"""The area under the ROC curve, with DeLong's interval in O(n log n)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.ranking import Ranking, RocFamily, Sweep
from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Interval, IntervalOrReason
from brightfield.metrics.statistics.family import ratio

# Below it a variance is the rounding of its terms.
_NO_VARIANCE = 1e-24


class Auroc(RocFamily):
    """The probability that a positive is ranked above a negative, ties counting half; in [0, 1].

    The trapezoids under the ROC curve: sum over thresholds of (FP_i - FP_(i-1))
    (TP_i + TP_(i-1)) / 2, over P N. Undefined without positives or without negatives.
    Source: Hanley and McNeil, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", Radiology 143, 1982.
    """

    names: ClassVar[tuple[str, ...]] = ("auroc",)

    def values(self, sample: Ranking, weighted: Sweep) -> Mapping[str, Batch]:
        right, every, tp, called = weighted
        area = np.zeros(len(tp))
        for own in blocks(tp.shape[1]):
            part = np.s_[:, own]
            area += np.einsum("bi,bi->b", every[part] - right[part], tp[part] - right[part] / 2)
        positives = tp[:, -1]
        return {"auroc": ratio(area, positives * (called[:, -1] - positives))}

    def analytic(self, sample: Ranking, level: float) -> Mapping[str, IntervalOrReason]:
        if sample.drawn != sample.n:  # several places of a row are not independent
            return {}
        return {"auroc": delong(sample, level)}


def delong(ranking: Ranking, level: float) -> IntervalOrReason:
    """AUROC -+ z sqrt(S10 / P + S01 / N), cut to [0, 1].

    S10 is the variance over the P positives of the share of negatives that each is ranked above,
    S01 that over the N negatives of the share of positives above each; ties count half. All rows
    of one score have one share, so after sorting a pass over the thresholds suffices. Needs two
    positives and two negatives (`too_few`). Where all shares agree, as with a perfect ranking, the
    formula gives no width, and no interval is claimed (`no_variation`). Sources: DeLong, DeLong
    and Clarke-Pearson, "Comparing the areas under two or more correlated ROC curves", Biometrics
    44, 1988; Sun and Xu, "Fast implementation of DeLong's algorithm", IEEE SPL 21, 2014.
    """
    positives, negatives = ranking.positives, ranking.negatives
    if min(positives, negatives) < 2:
        return "too_few"
    area = sum(_product(part.right, part.below) for part in _shares(ranking)) / positives
    of_positives = of_negatives = 0.0
    for part in _shares(ranking):
        of_positives += _product(part.right, np.square(part.below - area))
        of_negatives += _product(part.wrong, np.square(part.above - area))
    variance = of_positives / (positives - 1) / positives
    variance += of_negatives / (negatives - 1) / negatives
    if variance <= _NO_VARIANCE:
        return "no_variation"
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(variance)
    low, high = area - half, area + half
    return Interval(max(0.0, low), min(1.0, high), "delong", low < 0 or high > 1)


class _Shares(NamedTuple):
    """Of some thresholds: how many positives and negatives stand there, and their shares."""

    right: NDArray[np.float64]
    wrong: NDArray[np.float64]
    below: NDArray[np.float64]
    above: NDArray[np.float64]


def _shares(ranking: Ranking) -> Iterator[_Shares]:
    """All thresholds, some at a time."""
    positives, negatives = ranking.positives, ranking.negatives
    before = 0, 0
    for own in blocks(ranking.ends.size):
        tp, fp = ranking.tp[own], ranking.fp[own]
        right = np.diff(tp, prepend=before[0]).astype(np.float64)
        wrong = np.diff(fp, prepend=before[1]).astype(np.float64)
        below, above = negatives - fp + wrong / 2, tp - right / 2
        yield _Shares(right, wrong, below / negatives, above / positives)
        before = int(tp[-1]), int(fp[-1])


def _product(weights: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """The inner product; by `@` a short one waits for threads that others may hold up."""
    return float(np.einsum("i,i->", weights, values))
