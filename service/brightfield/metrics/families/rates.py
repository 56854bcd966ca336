"""Sensitivity, specificity, predictive values and F1: shares of the four counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from brightfield.metrics.counted.counts import Four, OneAgainstRest, RateFamily
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import IntervalOrReason, Reason
from brightfield.metrics.statistics.family import ratio
from brightfield.metrics.statistics.scale import LOGIT, Scale
from brightfield.metrics.statistics.wilson import wilson, wilson_f1


class Rates(RateFamily):
    """With TP, FP, TN, FN the counts of true and false positives and negatives:

        sensitivity (recall) = TP / (TP + FN)     specificity = TN / (TN + FP)
        ppv (precision) = TP / (TP + FP)          npv = TN / (TN + FN)
        f1 = 2 TP / (2 TP + FP + FN)

    each in [0, 1]. A share of nothing is undefined, and F1 is where there are no positives.
    Intervals are Wilson's, of F1 by way of TP / (TP + FP + FN). Source: Altman and Bland,
    "Diagnostic tests", BMJ 308 and 309, 1994.
    """

    names: ClassVar[tuple[str, ...]] = ("sensitivity", "specificity", "ppv", "npv", "f1")
    scales: ClassVar[Mapping[str, Scale]] = dict.fromkeys(names, LOGIT)
    fixed: ClassVar[frozenset[str]] = frozenset({"sensitivity", "specificity"})

    def values(self, sample: OneAgainstRest, weighted: Four) -> Mapping[str, Batch]:
        tp, fp, tn, fn = weighted
        return {
            "sensitivity": ratio(tp, tp + fn),
            "specificity": ratio(tn, tn + fp),
            "ppv": ratio(tp, tp + fp),
            "npv": ratio(tn, tn + fn),
            "f1": ratio(2 * tp, 2 * tp + fp + fn),
        }

    def undefined(self, sample: OneAgainstRest) -> Mapping[str, Reason]:
        if not sample.table.n:
            return dict.fromkeys(self.names, "no_rows")
        tp, fp, tn, fn = sample.totals
        reasons: dict[str, Reason] = {}
        if not tp + fn:
            reasons |= {"sensitivity": "no_positives", "f1": "no_positives"}
        if not tn + fp:
            reasons["specificity"] = "no_negatives"
        if not tp + fp:
            reasons["ppv"] = "no_predicted_positives"
        if not tn + fn:
            reasons["npv"] = "no_predicted_negatives"
        return reasons

    def sizes(self, sample: OneAgainstRest) -> Mapping[str, int]:
        tp, fp, tn, fn = sample.totals
        return {
            "sensitivity": tp + fn,
            "specificity": tn + fp,
            "ppv": tp + fp,
            "npv": tn + fn,
            "f1": sample.table.n,
        }

    def analytic(self, sample: OneAgainstRest, level: float) -> Mapping[str, IntervalOrReason]:
        if sample.class_id is None:  # a row counts in every class: no independent trials
            return {}
        tp, _, tn, _ = sample.totals
        right = {"sensitivity": tp, "specificity": tn, "ppv": tp, "npv": tn}
        sizes = self.sizes(sample)
        found: dict[str, IntervalOrReason] = {
            name: wilson(hits, sizes[name], level) for name, hits in right.items() if sizes[name]
        }
        _, fp, _, fn = sample.totals
        return found | ({"f1": wilson_f1(tp, tp + fp + fn, level)} if tp + fp + fn else {})
