"""Accuracy, balanced accuracy, Matthews' correlation and Cohen's kappa of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.counts import CountTable, TableFamily
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import IntervalOrReason, Reason
from brightfield.metrics.statistics.family import ratio
from brightfield.metrics.statistics.scale import FISHER, LOGIT, Scale
from brightfield.metrics.statistics.wilson import mean_of_proportions, wilson


class Agreement(TableFamily):
    """Of a k x k table with n rows, c right ones, t_i members of class i and p_i predictions of it:

        accuracy = c / n
        balanced_accuracy = mean over the classes with members of (right ones of i) / t_i
        mcc = (c n - sum t_i p_i) / sqrt((n^2 - sum t_i^2)(n^2 - sum p_i^2))     in [-1, 1]
        kappa = (c / n - e) / (1 - e)  with e = sum t_i p_i / n^2                in [-1, 1]

    All but accuracy are undefined where only one class has members, and `mcc` also where only one
    is predicted. Accuracy has Wilson's interval, balanced accuracy that of a mean of shares.
    Sources: Gorodkin, "Comparing two K-category assignments by a K-category correlation
    coefficient", 2004; Cohen, "A coefficient of agreement for nominal scales", 1960.
    """

    names: ClassVar[tuple[str, ...]] = ("accuracy", "balanced_accuracy", "mcc", "kappa")
    scales: ClassVar[Mapping[str, Scale]] = {
        "accuracy": LOGIT,
        "balanced_accuracy": LOGIT,
        "mcc": FISHER,
        "kappa": FISHER,
    }
    fixed: ClassVar[frozenset[str]] = frozenset({"balanced_accuracy"})

    def values(self, sample: CountTable, weighted: NDArray[np.float64]) -> Mapping[str, Batch]:
        n = weighted.sum(axis=(1, 2))
        right = np.diagonal(weighted, axis1=1, axis2=2)
        members, predicted = weighted.sum(axis=2), weighted.sum(axis=1)
        hits, chance = right.sum(axis=1), (members * predicted).sum(axis=1)
        spread = (n * n - (members**2).sum(axis=1)) * (n * n - (predicted**2).sum(axis=1))
        recalls = ratio(right[:, sample.present], members[:, sample.present])
        return {
            "accuracy": ratio(hits, n),
            "balanced_accuracy": recalls.sum(axis=1) / max(1, len(sample.present)),
            "mcc": ratio(hits * n - chance, np.sqrt(spread)),
            "kappa": ratio(hits * n - chance, n * n - chance),
        }

    def undefined(self, sample: CountTable) -> Mapping[str, Reason]:
        if not sample.n:
            return dict.fromkeys(self.names, "no_rows")
        if len(sample.present) == 1:
            return dict.fromkeys(("balanced_accuracy", "mcc", "kappa"), "one_class")
        if np.count_nonzero(sample.counts.sum(axis=0)) == 1:
            return {"mcc": "no_variation"}
        return {}

    def sizes(self, sample: CountTable) -> Mapping[str, int]:
        return dict.fromkeys(self.names, sample.n)

    def analytic(self, sample: CountTable, level: float) -> Mapping[str, IntervalOrReason]:
        right, members = np.diagonal(sample.counts), sample.counts.sum(axis=1)
        recalls = [(int(right[c]), int(members[c])) for c in sample.present]
        return {
            "accuracy": wilson(int(right.sum()), sample.n, level),
            "balanced_accuracy": mean_of_proportions(recalls, level),
        }
