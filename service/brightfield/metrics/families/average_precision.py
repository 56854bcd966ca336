"""Average precision: the precision-recall curve summed in steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from brightfield.metrics.counted.ranking import Ranking, RankingFamily, Sweep
from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Reason
from brightfield.metrics.statistics.family import ratio


class AveragePrecision(RankingFamily):
    """sum over descending thresholds of (recall_i - recall_(i-1)) precision_i, in [0, 1].

    Never a trapezoid, which is too favourable: precision is not linear between two thresholds. A
    ranking that knows nothing has about the share of positives. Undefined without positives; 1
    without negatives. Source: Davis and Goadrich, "The relationship between precision-recall and
    ROC curves", ICML 2006.
    """

    names: ClassVar[tuple[str, ...]] = ("average_precision",)

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
