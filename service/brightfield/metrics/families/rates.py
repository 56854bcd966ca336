"""Sensitivity, specificity, predictive values, F1 and Jaccard: shares of the four counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from brightfield.metrics.counted.counts import Four, FourCounts, RateFamily
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import IntervalOrReason, Reason
from brightfield.metrics.statistics.family import ratio
from brightfield.metrics.statistics.wilson import wilson


class Rates(RateFamily):
    """With TP, FP, TN, FN the counts of true and false positives and negatives:

        sensitivity (recall) = TP / (TP + FN)     specificity = TN / (TN + FP)
        ppv (precision) = TP / (TP + FP)          npv = TN / (TN + FN)
        f1 = 2 TP / (2 TP + FP + FN)              jaccard = TP / (TP + FP + FN)

    each in [0, 1]. A share of nothing is undefined: F1 and Jaccard are where there are no
    positives and none are predicted. Intervals of the first four are Wilson's. Source: Altman and
    Bland, "Diagnostic tests", BMJ 308 and 309, 1994.
    """

    names: ClassVar[tuple[str, ...]] = (
        *("sensitivity", "specificity", "ppv", "npv"),
        *("f1", "jaccard"),
    )
    zero: ClassVar[frozenset[str]] = frozenset({"sensitivity", "ppv", "f1", "jaccard"})

    def values(self, sample: FourCounts, weighted: Four) -> Mapping[str, Batch]:
        tp, fp, tn, fn = weighted
        return {
            "sensitivity": ratio(tp, tp + fn),
            "specificity": ratio(tn, tn + fp),
            "ppv": ratio(tp, tp + fp),
            "npv": ratio(tn, tn + fn),
            "f1": ratio(2 * tp, 2 * tp + fp + fn),
            "jaccard": ratio(tp, tp + fp + fn),
        }

    def undefined(self, sample: FourCounts) -> Mapping[str, Reason]:
        if not sample.n:
            return dict.fromkeys(self.names, "no_rows")
        tp, fp, tn, fn = sample.totals
        reasons: dict[str, Reason] = {}
        if not tp + fn:
            reasons["sensitivity"] = "no_positives"
        if not tn + fp:
            reasons["specificity"] = "no_negatives"
        if not tp + fp:
            reasons["ppv"] = "no_predicted_positives"
        if not tn + fn:
            reasons["npv"] = "no_predicted_negatives"
        if not tp + fp + fn:
            reasons |= dict.fromkeys(("f1", "jaccard"), "no_positives")
        return reasons

    def sizes(self, sample: FourCounts) -> Mapping[str, int]:
        tp, fp, tn, fn = sample.totals
        return {
            "sensitivity": tp + fn,
            "specificity": tn + fp,
            "ppv": tp + fp,
            "npv": tn + fn,
            "f1": sample.n,
            "jaccard": sample.n,
        }

    def analytic(self, sample: FourCounts, level: float) -> Mapping[str, IntervalOrReason]:
        if not sample.independent:
            return {}
        tp, _, tn, _ = sample.totals
        right = {"sensitivity": tp, "specificity": tn, "ppv": tp, "npv": tn}
        sizes = self.sizes(sample)
        return {
            name: wilson(hits, sizes[name], level) for name, hits in right.items() if sizes[name]
        }
