"""How the scores of the two classes are distributed, on both sides of a threshold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.ranking import Ranking

_BINS = (10, 20, 40)
# Of every thousand scores at either end, those that may lie beyond the bins.
_FAR = 0.001
_STRETCHED = 3
# A threshold more ranges away from the scores than that is at no edge.
_AWAY = 1


def score_histogram(
    ranking: Ranking, threshold: float | None, *, probable: bool
) -> dict[str, Any] | None:
    """Rows of each class in bins of equal width, one of whose edges is the threshold.

    A bin holds its lower edge, so the positives below the threshold are the false negatives and the
    negatives from it on the false positives. Probabilities have bins from 0 to 1. A few scores far
    from all others are counted in the first and last bin. None where there are no scores, and where
    bins of them can't be told apart in float64.
    """
    edges = _edges(ranking, threshold, probable=probable) if ranking.n else None
    if edges is None:
        return None
    return {
        "edges": edges.tolist(),
        "positives": _counts(ranking, ranking.tp, edges),
        "negatives": _counts(ranking, ranking.fp, edges),
    }


def _edges(
    ranking: Ranking, threshold: float | None, *, probable: bool
) -> NDArray[np.float64] | None:
    low, high = (0.0, 1.0) if probable else _range(ranking)
    if not math.isfinite(high - low):
        return None
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / _count(ranking.n)
    if width == 0:  # numbers this small have no room for bins between them
        return None
    reach = _AWAY * (high - low)
    near = threshold is not None and low - reach <= threshold <= high + reach
    start = threshold if near and threshold is not None else low
    first, last = math.floor((low - start) / width + 1e-9), math.ceil((high - start) / width - 1e-9)
    # What reaches a threshold at the end is in a bin of its own.
    steps = np.arange(min(first, 0), max(last, 1) + 1, dtype=np.float64)
    edges: NDArray[np.float64] = start + width * steps
    return edges if bool((np.diff(edges) > 0).all()) else None


def _count(n: int) -> int:
    """Twice the cube root of the rows (Rice), rounded up to a number of bins."""
    return next((bins for bins in _BINS if bins >= 2 * n ** (1 / 3)), _BINS[-1])


def _range(ranking: Ranking) -> tuple[float, float]:
    """From the least to the greatest score, without a few if they stretch it."""
    few = int(_FAR * ranking.n)
    places = np.searchsorted(ranking.ends, [ranking.n - 1 - few, few])
    low, high = (float(score) for score in ranking.thresholds[places])
    least, most = float(ranking.thresholds[-1]), float(ranking.thresholds[0])
    return (low, high) if most - least > _STRETCHED * (high - low) > 0 else (least, most)


def _counts(ranking: Ranking, reached: NDArray[np.int64], edges: NDArray[np.float64]) -> list[int]:
    """Rows of each bin from those that `reached` each threshold; what lies beyond is in the first
    and last bin."""
    distinct = ranking.thresholds.size
    places = distinct - np.searchsorted(ranking.thresholds[::-1], edges[1:-1], side="left")
    inner = np.where(places > 0, reached[places - 1], 0)
    counts: list[int] = (-np.diff([reached[-1], *inner, 0])).tolist()
    return counts
