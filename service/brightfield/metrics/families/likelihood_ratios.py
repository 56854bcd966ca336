"""Likelihood ratios: how much a result changes the odds of the positive class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from brightfield.metrics.counted.counts import Four, FourCounts, RateFamily
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import IntervalOrReason, Reason
from brightfield.metrics.statistics.family import ratio
from brightfield.metrics.statistics.proportion_ratio import proportion_ratio


class LikelihoodRatios(RateFamily):
    """Odds after a result = likelihood ratio x odds before:

        lr_positive = sensitivity / (1 - specificity)     1 tells nothing, above 10 much
        lr_negative = (1 - sensitivity) / specificity     1 tells nothing, below 0.1 much

    both from 0 on. Undefined where the denominator is 0: without false positives, and without true
    negatives. Intervals are Koopman's for the ratio of two proportions. Source: Deeks and Altman,
    "Diagnostic tests 4: likelihood ratios", BMJ 329, 2004.
    """

    names: ClassVar[tuple[str, ...]] = ("lr_positive", "lr_negative")
    averaged: ClassVar[bool] = False

    def values(self, sample: FourCounts, weighted: Four) -> Mapping[str, Batch]:
        tp, fp, tn, fn = weighted
        positives, negatives = tp + fn, tn + fp
        return {
            "lr_positive": ratio(ratio(tp, positives), ratio(fp, negatives)),
            "lr_negative": ratio(ratio(fn, positives), ratio(tn, negatives)),
        }

    def undefined(self, sample: FourCounts) -> Mapping[str, Reason]:
        tp, fp, tn, fn = sample.totals
        if not sample.n:
            return dict.fromkeys(self.names, "no_rows")
        if not tp + fn:
            return dict.fromkeys(self.names, "no_positives")
        if not tn + fp:
            return dict.fromkeys(self.names, "no_negatives")
        reasons: dict[str, Reason] = {}
        if not fp:
            reasons["lr_positive"] = "no_false_positives"
        if not tn:
            reasons["lr_negative"] = "no_true_negatives"
        return reasons

    def analytic(self, sample: FourCounts, level: float) -> Mapping[str, IntervalOrReason]:
        tp, fp, tn, fn = sample.totals
        if not sample.independent:
            return {}
        pairs = {"lr_positive": (tp, fp), "lr_negative": (fn, tn)}
        return {
            name: proportion_ratio(above, tp + fn, below, tn + fp, level)
            for name, (above, below) in pairs.items()
            if below and tp + fn
        }
