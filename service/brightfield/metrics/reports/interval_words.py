"""What a report says about its intervals: how they were found, and how far to trust them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from brightfield.images.picture import Note
from brightfield.metrics.reports.notes import Spanned
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Interval
from brightfield.metrics.statistics.intervals import Drawing
from brightfield.metrics.statistics.student import LEAST_UNITS

_SCALES = (
    "symmetric for the logit of a share, the logarithm of a distance or loss, Fisher's z of mcc, "
    "kappa and ssim, else for the number itself"
)
_FORMULAS: Mapping[str, str] = {
    "delong": "auroc: DeLong's variance, symmetric for the logit, with Welch's degrees of freedom",
    "wilson": "of sensitivity, specificity, ppv, npv, accuracy, top_k_accuracy and jaccard; of f1 "
    "by way of jaccard",
    "score": "likelihood ratios: Koopman's for the ratio of two proportions",
    "mover": "balanced accuracy: from Wilson's limits of the share of each class (Zou and Donner "
    "2008)",
}
_OF_ROWS = (
    "other numbers: value -+ Student's t times the standard error, by the counts with one more row "
    "spread over the cells (delta method) or by leaving out rows (jackknife, at most 200 parts); "
    f"{_SCALES}; at a fixed threshold"
)
_BIASED = (
    "none of ece and mce, since resamples of a biased number say nothing about the true one; see "
    "ece_debiased, calibration_slope and calibration_intercept"
)
# With fewer cases or groups a report says what its intervals are worth; the coverages are those of
# benchmarks/coverage.py.
_FEW = 10
_FEW_DRAWN = 20


def interval_conventions(
    confidence: Confidence, units: str, *, clustered: bool, classes: bool = False
) -> dict[str, str]:
    """How the intervals of a report were found; its `units` are rows, cases or images, and
    `classes` says that these have true classes."""
    if confidence.method == "none":
        return {}
    biased = {"no_interval": _BIASED} if classes else {}
    if confidence.method != "auto":
        drawn = f"{units} are drawn from all {units}"
        if classes:
            drawn += (
                "; for numbers that do not depend on how frequent the classes are (auroc, "
                "balanced_accuracy, sensitivity, specificity) within the true classes; at a fixed "
                "threshold"
            )
        return {"bootstrap": "whole groups are drawn" if clustered else drawn, **biased}
    if clustered:
        left_out = (
            "all intervals: value -+ Student's t times the standard error, by leaving out whole "
            "groups (jackknife, at most 200 parts), with one degree of freedom less than parts; "
            f"{_SCALES}; needs {LEAST_UNITS} groups"
        )
        return {"t": left_out, **biased}
    if classes:
        return {**_FORMULAS, "t": _OF_ROWS, **biased}
    least = (
        "needs 3 cases, and 5 for pooled numbers" if units == "cases" else f"needs {LEAST_UNITS}"
    )
    return {
        "t": "value -+ Student's t times the standard error, by leaving out "
        f"{units} (jackknife, at most 200 parts); {_SCALES}; {least}"
    }


def few_units(units: int, of: str, confidence: Confidence, found: Iterable[Spanned]) -> list[Note]:
    """Of intervals that rest on few cases, images or groups (`of`): how often such ones hold."""
    if not any(isinstance(number.span, Interval) for number in found):
        return []
    if confidence.method == "auto" and units < _FEW:
        return [
            Note(
                "few_units",
                f"The intervals rest on {units} {of}. In simulations such intervals held the true "
                f"value in 93 to 97 % of samples where {of} were alike, but in about 70 % where "
                "one in ten failed altogether, since most small samples have no such failure. "
                f"Add {of} before you rely on them.",
            )
        ]
    if confidence.method != "auto" and units < _FEW_DRAWN:
        return [
            Note(
                "few_units",
                f"Bootstrap intervals of {units} {of} are too narrow: in simulations those of 5 "
                "held the true value in 83 % of samples and those of 10 in 90 %, instead of 95 %. "
                "Leave `ci.method` out for intervals that hold.",
            )
        ]
    return []


def few_drawn(
    drawing: Drawing, of: str, confidence: Confidence, found: Iterable[Spanned]
) -> list[Note]:
    """The same of what is drawn: units, or whole groups."""
    name = "groups" if drawing.clustered else of
    return few_units(drawing.free.drawn, name, confidence, found)


def few_members(
    members: NDArray[np.int64], confidence: Confidence, found: Iterable[Spanned]
) -> list[Note]:
    """Of classes with few rows, (k,) `members` each: AUROC is uncertain by the smallest of them."""
    least = int(members[members > 0].min(initial=_FEW))
    known = (number.span for number in found)
    drawn = any(isinstance(span, Interval) and span.method == "delong" for span in known)
    if least >= _FEW or not drawn or confidence.method != "auto":
        return []
    return [
        Note(
            "few_members",
            f"The smallest class has {least} rows. In simulations AUROC's interval held the true "
            "value in 87 to 99 % of samples with 3 to 6 rows of a class, by how good the scores "
            "are, instead of 95 %; average precision has none below 10. Add rows of that class.",
        )
    ]
