"""Every point of the curves, as arrays: for those who draw or search them themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.ranking import Ranking

Named = tuple[str, NDArray[np.float64] | NDArray[np.int64]]


def curve_points(ranking: Ranking, prefix: str = "") -> Iterator[Named]:
    """ROC by descending and precision-recall by ascending threshold, one array at a time.

    The end at which nothing is called positive has the threshold infinity. A curve that is not
    defined (without positives; ROC also without negatives) has no points.
    """
    known, both = ranking.positives > 0, ranking.positives > 0 and ranking.negatives > 0
    first = [np.inf] if both else []
    shown = slice(None) if both else slice(0)
    origin = np.zeros(len(first))
    yield f"{prefix}roc_fpr", _joined(origin, ranking.fp[shown] / max(1, ranking.negatives))
    yield f"{prefix}roc_tpr", _joined(origin, ranking.tp[shown] / max(1, ranking.positives))
    yield f"{prefix}roc_thresholds", _joined(first, ranking.thresholds[shown])
    last = [np.inf] if known else []
    back = slice(None, None, -1) if known else slice(0)
    tp = ranking.tp[back]
    yield f"{prefix}pr_precision", _joined(tp / (ranking.ends[back] + 1), np.ones(len(last)))
    yield f"{prefix}pr_recall", _joined(tp / max(1, ranking.positives), np.zeros(len(last)))
    yield f"{prefix}pr_thresholds", _joined(ranking.thresholds[back], last)


def table_points(ranking: Ranking) -> Iterator[Named]:
    """The four counts at every threshold, descending; positive means score >= threshold."""
    yield "threshold", ranking.thresholds
    yield "tp", ranking.tp
    yield "fp", ranking.fp
    yield "tn", ranking.negatives - ranking.fp
    yield "fn", ranking.positives - ranking.tp


def _joined(*parts: NDArray[np.float64] | list[float]) -> NDArray[np.float64]:
    return np.concatenate([np.asarray(part, np.float64) for part in parts])
