"""Metrics, reasons and methods in words, and numbers as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from brightfield.reports.report import ReportNumber

METRIC_NAMES: Mapping[str, str] = {
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Sensitivity (recall)",
    "specificity": "Specificity",
    "ppv": "PPV (precision)",
    "npv": "NPV",
    "f1": "F1",
    "jaccard": "Jaccard",
    "f_beta": "F-beta",
    "lr_positive": "Likelihood ratio, positive",
    "lr_negative": "Likelihood ratio, negative",
    "partial_auroc": "Partial AUROC",
    "partial_auroc_sensitivity": "Partial AUROC, high sensitivity",
    "sensitivity_at_specificity": "Sensitivity at a specificity",
    "specificity_at_sensitivity": "Specificity at a sensitivity",
    "top_k_accuracy": "Top-k accuracy",
    "weighted_kappa": "Weighted kappa",
    "mcc": "Matthews correlation",
    "kappa": "Cohen's kappa",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "ece": "Expected calibration error",
    "mce": "Maximum calibration error",
    "iou": "IoU (Jaccard)",
    "dice": "Dice (F1 of pixels)",
    "pixel_accuracy": "Pixel accuracy",
    "assd": "Mean surface distance",
    "nsd": "Surface agreement (NSD)",
    "pq": "Panoptic quality",
    "sq": "Segmentation quality",
    "rq": "Recognition quality",
    "aji": "Aggregated Jaccard (AJI)",
    "aji_plus": "Aggregated Jaccard, one to one (AJI+)",
    "boundary_iou": "Boundary IoU",
    "count_error": "Count error (found less true)",
    "count_limit_low": "Count error, lower limit of agreement",
    "count_limit_high": "Count error, upper limit of agreement",
    "merges": "Merges",
    "splits": "Splits",
    "mse": "MSE",
    "rmse": "RMSE",
    "mae": "Mean absolute error",
    "psnr": "PSNR",
    "ssim": "SSIM",
}

REASONS: Mapping[str, str] = {
    "no_rows": "nothing is left to count",
    "no_positives": "the truth has no positives",
    "no_negatives": "the truth has no negatives",
    "no_predicted_positives": "nothing was predicted positive",
    "no_predicted_negatives": "nothing was predicted negative",
    "no_false_positives": "there are no false positives to divide by",
    "no_true_negatives": "there are no true negatives to divide by",
    "one_class": "the truth has one class only",
    "absent_class": "no class has members",
    "no_variation": "all values are the same",
    "no_scores": "only predicted labels were sent",
    "no_threshold": "no threshold could be chosen",
    "not_probabilities": "the scores are not probabilities",
    "no_cases": "nothing is left to count",
    "both_empty": "neither mask has pixels of the class",
    "empty_truth": "the true mask is empty",
    "empty_prediction": "the predicted mask is empty",
    "only_void": "nobody labelled the truth",
    "no_matches": "no object was found",
    "no_objects": "there are no objects of this kind",
    "identical": "the images are identical",
    "too_small": "the images are too small",
    "not_kept": "an earlier version kept no measurement for it",
    "mixed": "different reasons in different cases",
    "too_few": "too few cases for an interval",
    "few_resamples": "undefined in most of the resamples",
    "too_many_rows": "too many rows for this number of resamples",
    "not_requested": "no interval was requested",
    "missing_truth": "the truth is missing",
    "missing_score": "a score is missing",
    "infinite_score": "a score is infinite",
    "missing_prediction": "the prediction is missing",
    "missing_group": "the group is missing",
    "missing_image": "an image or mask is missing",
    "unreadable": "it could not be read",
    "not_finite": "the image has values that are not finite",
}

METHODS: Mapping[str, str] = {
    "delong": "DeLong",
    "wilson": "Wilson",
    "score": "score test",
    "limits": "Bland and Altman",
    "percentile": "bootstrap",
    "bca": "bootstrap (BCa)",
}

TESTS: Mapping[str, str] = {
    "delong": "DeLong's test",
    "mcnemar": "McNemar's exact test",
    "exchange": "exchange test",
}

_COCO = re.compile(r"(ap|ar)(?:(\d[\d.]*)|_(\w+))?")
_HAUSDORFF = re.compile(r"hd(\d[\d.]*)")
_ALL = 100
_UNITS = {"pixel": "pixels", "um": "\N{MICRO SIGN}m"}
_SPELLINGS: Mapping[str | None, frozenset[str]] = {
    "pixels": frozenset({"pixels", "pixel", "px"}),
    "\N{MICRO SIGN}m": frozenset({"\N{MICRO SIGN}m", "\N{GREEK SMALL LETTER MU}m", "um"}),
}


def _of_detections(kind: str, percent: str | None, rest: str | None) -> str:
    """`ap50`, `ar_100`, `ap_small`."""
    if percent is not None:
        return f"{kind.upper()} at IoU {float(percent) / 100:g}"
    if rest is None:
        return kind.upper()
    of = f"at most {rest} per image" if rest.isdecimal() else f"{rest.replace('_', ' ')} objects"
    return f"{kind.upper()}, {of}"


def name_of(metric: str, unit: str | None = None) -> str:
    """A metric's name; `unit` (`pixel`, `um`) is that of the distances."""
    base, _, mean = metric.rpartition("_")
    if mean in ("macro", "micro") and base in METRIC_NAMES:
        return f"{METRIC_NAMES[base]}, {mean}"
    if metric.startswith("f1_at_"):
        return f"F1 of objects at IoU {metric.removeprefix('f1_at_')}"
    if (found := _COCO.fullmatch(metric)) is not None:
        return _of_detections(*found.groups())
    if (distance := _HAUSDORFF.fullmatch(metric)) is not None:
        percent = float(distance[1])
        text = "Hausdorff distance" + ("" if percent == _ALL else f", {percent:.12g} %")
        return _with_unit(text, unit)
    text = METRIC_NAMES.get(metric, metric.replace("_", " "))
    if metric == "psnr":
        return f"{text} (dB)"
    return _with_unit(text, unit) if _is_distance(metric) else text


def _is_distance(metric: str) -> bool:
    return metric == "assd" or _HAUSDORFF.fullmatch(metric) is not None


def _with_unit(text: str, unit: str | None) -> str:
    return text if unit is None else f"{text} ({_UNITS[unit]})"


def unit_of(metric: str, distance: str | None) -> str | None:
    """The unit of a metric, None where it has none; `distance` is that of the distances."""
    if _is_distance(metric) and distance is not None:
        return _UNITS[distance]
    return "dB" if metric == "psnr" else None


def units_of(unit: str | None) -> frozenset[str]:
    """The ways to write a unit."""
    return _SPELLINGS.get(unit, frozenset({unit}) if unit else frozenset())


def shown(value: float | None) -> str:
    """A number with three decimals, fewer if it is large."""
    if value is None:
        return "\N{EN DASH}"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 100 else f"{value:.2f}" if size >= 10 else f"{value:.3f}"


def count(value: int) -> str:
    return f"{value:,}"


def counted(value: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2 rows`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share as a percentage: `97.7 %`, without decimals if it is whole."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def interval(entry: ReportNumber) -> str:
    """`0.712 to 0.934`, or a dash."""
    ci = entry["ci"]
    return "\N{EN DASH}" if ci is None else f"{shown(ci[0])} to {shown(ci[1])}"


def with_interval(entry: ReportNumber) -> str:
    """`0.850 (0.712 to 0.934)`, or why it is undefined."""
    if entry["value"] is None:
        return f"undefined: {REASONS.get(entry['undefined'], entry['undefined'])}"
    return shown(entry["value"]) + (f" ({interval(entry)})" if entry["ci"] is not None else "")


def chance(p_value: float | None, name: str = "p ") -> str:
    """`p = 0.023`, `p < 0.001`, or a dash; without a name `0.023` or `< 0.001`."""
    if p_value is None:
        return "\N{EN DASH}"
    if p_value < 0.001:
        return f"{name}< 0.001"
    return f"{name}= {p_value:.3f}" if name else f"{p_value:.3f}"


def method(entry: ReportNumber) -> str:
    """How the interval was found, or why there is no number or interval."""
    reason = entry["undefined"] or entry.get("ci_undefined")
    if reason is not None:
        return REASONS.get(reason, reason)
    return METHODS.get(entry["method"], str(entry["method"]))
