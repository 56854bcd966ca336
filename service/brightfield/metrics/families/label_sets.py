"""Subset accuracy and Hamming loss: how right all labels of a row are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from brightfield.metrics.counted.label_counts import LabelSetFamily, WrongLabels
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import IntervalOrReason, Reason
from brightfield.metrics.statistics.family import ratio
from brightfield.metrics.statistics.resampling import SampleWeights
from brightfield.metrics.statistics.wilson import wilson


class LabelSets(LabelSetFamily):
    """Of rows with several labels each:

        subset_accuracy = share of rows all of whose labels are right
        hamming_loss = share of all pairs of a row and a label that are wrong

    both in [0, 1]; the interval of the first is Wilson's. Source: Tsoumakas and Katakis,
    "Multi-label classification: an overview", International Journal of Data Warehousing and Mining
    3, 2007.
    """

    names: ClassVar[tuple[str, ...]] = ("subset_accuracy", "hamming_loss")

    def values(self, sample: WrongLabels, weighted: SampleWeights) -> Mapping[str, Batch]:
        total = weighted.sum(axis=1)
        right = np.asarray(sample.share == 0, np.float64)
        return {
            "subset_accuracy": ratio(weighted @ right, total),
            "hamming_loss": ratio(weighted @ sample.share, total),
        }

    def undefined(self, sample: WrongLabels) -> Mapping[str, Reason]:
        return {} if sample.share.size else dict.fromkeys(self.names, "no_rows")

    def sizes(self, sample: WrongLabels) -> Mapping[str, int]:
        return dict.fromkeys(self.names, int(sample.share.size))

    def analytic(self, sample: WrongLabels, level: float) -> Mapping[str, IntervalOrReason]:
        right = int(np.count_nonzero(sample.share == 0))
        return {"subset_accuracy": wilson(right, sample.share.size, level)}
