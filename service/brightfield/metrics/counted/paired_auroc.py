"""DeLong's test of two correlated ROC curves, in O(n log n)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.statistics.estimate import Interval, Reason

# Below it a variance is the rounding of its terms.
_NO_VARIANCE = 1e-24


@dataclass(frozen=True, slots=True)
class PairedTest:
    """The interval of a difference, and the two-sided p-value of there being none."""

    span: Interval | Reason
    p_value: float | None = None


def paired_delong(first: Ranking, second: Ranking, level: float) -> PairedTest:
    """Of the AUROCs A and B of two scores of the same P positives and N negatives, D = A - B:

        z = D / sqrt(S10 / P + S01 / N)      p = 2 Phi(-|z|)      interval D -+ z_level sqrt(...)

    S10 is the variance over the positives of the difference of their shares (of negatives that a
    positive is ranked above), S01 that over the negatives; so what both scores get right or wrong
    together cancels. Cut to [-1, 1]. Needs two positives and two negatives (`too_few`);
    `no_variation` where the shares differ nowhere or everywhere alike. Sources: DeLong, DeLong and
    Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
    characteristic curves", Biometrics 44, 1988; Sun and Xu, "Fast implementation of DeLong's
    algorithm", IEEE SPL 21, 2014.
    """
    if min(first.positives, first.negatives) < 2:
        return PairedTest("too_few")
    positive = np.empty(first.n, bool)
    positive[first.rows] = first.positive
    gained = _shares(first) - _shares(second)
    of_positives, of_negatives = gained[positive], gained[~positive]
    difference = float(of_positives.mean())
    variance = float(
        of_positives.var(ddof=1) / of_positives.size + of_negatives.var(ddof=1) / of_negatives.size
    )
    if variance <= _NO_VARIANCE:
        return PairedTest("no_variation")
    error = math.sqrt(variance)
    half = NormalDist().inv_cdf((1 + level) / 2) * error
    low, high = difference - half, difference + half
    span = Interval(max(-1.0, low), min(1.0, high), "delong", low < -1 or high > 1)
    return PairedTest(span, math.erfc(abs(difference) / error / math.sqrt(2)))


def _shares(ranking: Ranking) -> NDArray[np.float64]:
    """(n,) by row: of a positive the share of negatives below it, of a negative that of positives
    above it; ties count half."""
    right, wrong = np.diff(ranking.tp, prepend=0), np.diff(ranking.fp, prepend=0)
    below = (ranking.negatives - ranking.fp + wrong / 2) / ranking.negatives
    above = (ranking.tp - right / 2) / ranking.positives
    threshold = np.repeat(np.arange(ranking.ends.size), np.diff(ranking.ends, prepend=-1))
    found = np.empty(ranking.n)
    found[ranking.rows] = np.where(ranking.positive, below[threshold], above[threshold])
    return found
