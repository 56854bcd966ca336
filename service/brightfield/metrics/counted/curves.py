"""ROC, precision and recall, and the table of a sliding threshold, in as many points as are asked.

Points that are left out change no number of the report: areas are found over all of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.ranking import Ranking

Places = NDArray[np.int64]
"""Places in `Ranking.thresholds`, ascending."""


def selection(ranking: Ranking, most: int, operating: float | None = None) -> Places:
    """At most `most` thresholds: the first, the last, that of the operating point, and between
    them half evenly along the ROC curve and half evenly in the logarithm of the rank, where
    precision changes."""
    count = ranking.thresholds.size
    if count <= most:
        return np.arange(count)
    kept = {0, count - 1}
    if operating is not None and math.isfinite(operating):
        # Descending: the lowest threshold that is not below the operating point.
        found = np.searchsorted(-ranking.thresholds, -operating, side="right") - 1
        kept.add(int(np.clip(found, 0, count - 1)))
    free = most - len(kept)
    along = _along(ranking, free - free // 2)
    ranks = np.expm1(np.linspace(0, math.log(count), free // 2 + 2)[1:-1]).astype(np.int64)
    chosen = [*sorted(kept), *along.tolist(), *ranks.tolist()]
    return np.unique(np.array(chosen, np.int64))


def _along(ranking: Ranking, count: int) -> Places:
    """So many thresholds, evenly along the way from (0, 0) to the ROC curve's end: of each stretch
    the first threshold that reaches it, found by halving."""
    rates = max(1, ranking.positives), max(1, ranking.negatives)

    def way(places: Places) -> NDArray[np.float64]:
        return ranking.tp[places] / rates[0] + ranking.fp[places] / rates[1]

    last = ranking.thresholds.size - 1
    goals = np.linspace(0, float(way(np.array([last]))[0]), count + 2)[1:-1]
    low, high = np.zeros(count, np.int64), np.full(count, last)
    while (low < high).any():
        middle = (low + high) // 2
        reached = way(middle) >= goals
        high = np.where(reached, middle, high)
        low = np.where(reached, low, middle + 1)
    return low


def roc(ranking: Ranking, places: Places) -> dict[str, Any]:
    """False and true positive rate by descending threshold, from (0, 0), whose threshold is null.

    Empty with a reason in `undefined` when there are no positives or no negatives.
    """
    reason = None
    if not ranking.positives:
        reason = "no_positives"
    elif not ranking.negatives:
        reason = "no_negatives"
    if reason or not ranking.n:
        return {
            "fpr": [],
            "tpr": [],
            "thresholds": [],
            "undefined": reason if ranking.n else "no_rows",
        }
    return {
        "fpr": [0.0, *(ranking.fp[places] / ranking.negatives).tolist()],
        "tpr": [0.0, *(ranking.tp[places] / ranking.positives).tolist()],
        "thresholds": [None, *ranking.thresholds[places].tolist()],
        "undefined": None,
    }


def precision_recall(ranking: Ranking, places: Places) -> dict[str, Any]:
    """Precision and recall by ascending threshold, to recall 0, where precision is taken as 1 and
    the threshold is null. Empty with a reason when there are no positives."""
    if not ranking.positives:
        reason = "no_positives" if ranking.n else "no_rows"
        return {"precision": [], "recall": [], "thresholds": [], "undefined": reason}
    places = places[::-1]
    tp, fp = ranking.tp[places], ranking.fp[places]
    return {
        "precision": [*(tp / (tp + fp)).tolist(), 1.0],
        "recall": [*(tp / ranking.positives).tolist(), 0.0],
        "thresholds": [*ranking.thresholds[places].tolist(), None],
        "undefined": None,
    }


def threshold_table(ranking: Ranking, places: Places) -> dict[str, Any]:
    """The four counts at each threshold, descending; positive means score >= threshold."""
    tp, fp = ranking.tp[places], ranking.fp[places]
    return {
        "threshold": ranking.thresholds[places].tolist(),
        "tp": tp.tolist(),
        "fp": fp.tolist(),
        "tn": (ranking.negatives - fp).tolist(),
        "fn": (ranking.positives - tp).tolist(),
    }
