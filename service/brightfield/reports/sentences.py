"""The main results of a report, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from brightfield.reports.drawing.operating import operating_words
from brightfield.reports.report import Report, ReportNumber, at_least_iou, is_binary, level
from brightfield.reports.text import plain
from brightfield.reports.wording import (
    METHODS,
    REASONS,
    count,
    counted,
    interval,
    percent,
    shown,
)


def sentences(report: Report) -> list[str]:
    """The headline numbers with their intervals; the first sentence says what was evaluated."""
    makers = {
        "classification": _classification,
        "multilabel": _multilabel,
        "segmentation": _segmentation,
        "detection": _detection,
        "restoration": _restoration,
    }
    return list(makers[report["task"]](report))


def stated(report: Report, entry: ReportNumber, unit: str = "") -> str:
    """`0.750 (95 % interval 0.057 to 1.000, DeLong)`, or `undefined, because ...`."""
    if entry["value"] is None:
        reason = entry["undefined"]
        return f"undefined, because {REASONS.get(reason, reason)}"
    text = shown(entry["value"]) + unit
    if entry["ci"] is None:
        return text
    how = METHODS.get(entry["method"], entry["method"])
    return f"{text} ({percent(level(report))} interval {interval(entry)}, {how})"


def share(report: Report, entry: ReportNumber) -> str:
    """The same as a percentage."""
    if entry["value"] is None:
        return stated(report, entry)
    text = percent(entry["value"])
    if entry["ci"] is None:
        return text
    low, high = (f"{100 * bound:.1f}" for bound in entry["ci"])
    how = METHODS.get(entry["method"], entry["method"])
    return f"{text} ({percent(level(report))} interval {low} to {high} %, {how})"


def _classification(report: Report) -> Iterator[str]:
    metrics, labels = report["metrics"], report["labels"]
    names = ", ".join(plain(label, 40) for label in labels[:12])
    names += f" and {len(labels) - 12} more" if len(labels) > 12 else ""
    yield f"{counted(report['n'], 'case')} of {len(labels)} classes: {names}."
    if is_binary(report):
        yield from _binary(report)
        return
    yield f"Accuracy, the share of correct predictions: {share(report, metrics['accuracy'])}."
    yield (
        "Balanced accuracy, the same with equal weight for every class: "
        f"{share(report, metrics['balanced_accuracy'])}."
    )
    yield (
        "The area under the ROC curve, as the mean of each class against the rest, is "
        f"{stated(report, metrics['auroc_macro'])}."
    )
    if metrics["ece"]["value"] is not None:
        yield (
            "The probability of the most probable class differs from its frequency by "
            f"{stated(report, metrics['ece'])} on average (expected calibration error)."
        )


def _binary(report: Report) -> Iterator[str]:
    metrics, point = report["metrics"], report["operating_point"]
    positive = plain(point["positive"], 40)
    auroc = metrics["auroc"]
    yield f"The area under the ROC curve is {stated(report, auroc)}." + (
        f" So a case of {positive} has a higher score than another case in "
        f"{percent(auroc['value'])} of all such pairs."
        if auroc["value"] is not None
        else ""
    )
    if point["undefined"] is not None:
        yield f"There is no operating point, because {REASONS[point['undefined']]}."
        return
    sensitivity, specificity = metrics["sensitivity"], metrics["specificity"]
    yield f"Operating point: {operating_words(report)}."
    yield (
        f"Sensitivity, the share of the {count(sensitivity['n'])} cases of {positive} that it "
        f"finds: {share(report, sensitivity)}."
    )
    yield (
        f"Specificity, the share of the {count(specificity['n'])} other cases that it rejects: "
        f"{share(report, specificity)}."
    )
    yield (
        f"Positive predictive value, the share of the {count(metrics['ppv']['n'])} cases called "
        f"{positive} that are so: {share(report, metrics['ppv'])}."
    )


def _multilabel(report: Report) -> Iterator[str]:
    metrics, labels = report["metrics"], report["labels"]
    names = ", ".join(plain(label, 40) for label in labels[:12])
    names += f" and {len(labels) - 12} more" if len(labels) > 12 else ""
    yield f"{counted(report['n'], 'case')} with any of {counted(len(labels), 'label')}: {names}."
    yield f"All labels are right in {share(report, metrics['subset_accuracy'])} of the cases."
    yield f"The mean F1 of the labels is {stated(report, metrics['f1_macro'])}."
    yield (
        "The area under the ROC curve, as the mean over the labels, is "
        f"{stated(report, metrics['auroc_macro'])}."
    )


def _segmentation(report: Report) -> Iterator[str]:
    metrics = report["metrics"]
    classes = ", ".join(plain(label, 40) for label in report["labels"][1:13])
    yield f"{counted(report['n'], 'pair')} of masks; classes besides the background: {classes}."
    yield f"The mean Dice of a case is {stated(report, metrics['dice'])}."
    yield f"The mean IoU of a case is {stated(report, metrics['iou'])}."
    hd95 = metrics["hd95"]
    if hd95["value"] is not None:
        unit = " \N{MICRO SIGN}m" if report["unit"] == "um" else " pixels"
        missing = report["n"] - hd95["n"]
        among = "" if not missing else (
            f" That is over {counted(hd95['n'], 'pair')}; {counted(missing, 'pair')} without a "
            "distance, since a mask is empty, are not in it."
        )  # fmt: skip
        yield (
            "The distance of the outlines, without the farthest 5 %, is at most "
            f"{stated(report, hd95, unit)}.{among}"
        )
    objects = report.get("objects")
    if objects is not None:
        yield from _objects(report)


def _objects(report: Report) -> Iterator[str]:
    objects, metrics = report["objects"], report["metrics"]
    yield (
        f"There are {counted(objects['true'], 'true object')} and "
        f"{counted(objects['found'], 'predicted one')}; {counted(objects['merges'], 'merge')} and "
        f"{counted(objects['splits'], 'split')}."
    )
    yield f"The mean F1 of objects at IoU 0.5 is {stated(report, metrics['f1_at_0.5'])}."
    yield f"The mean panoptic quality is {stated(report, metrics['pq'])}."
    yield from _counts(report)


def _counts(report: Report) -> Iterator[str]:
    metrics = report["metrics"]
    low, high = (metrics[f"count_limit_{end}"]["value"] for end in ("low", "high"))
    if low is not None and high is not None:
        yield (
            f"The count of an image is off by {stated(report, metrics['count_error'])} on average "
            f"(found less true); the limits of agreement are {shown(low)} and {shown(high)}, "
            "between which about 95 % of images lie."
        )


def _detection(report: Report) -> Iterator[str]:
    metrics = report["metrics"]
    yield (
        f"{counted(report['n'], 'image')}, {counted(report['detections'], 'detection')}, "
        f"{counted(len(report['per_class']), 'class', 'classes')}; compared by "
        f"{'boxes' if report['iou_type'] == 'bbox' else 'masks'}."
    )
    thresholds = report["iou_thresholds"]
    of_classes = "" if report["class_agnostic"] else ", as the mean over the classes,"
    span = f"{thresholds[0]:g}" + (f" to {thresholds[-1]:g}" if len(thresholds) > 1 else "")
    yield f"The average precision over IoU {span}{of_classes} is {stated(report, metrics['ap'])}."
    if len(thresholds) > 1:
        least = metrics[at_least_iou(report)]
        yield f"At IoU {thresholds[0]:g} it is {stated(report, least)}."
    faults = report["errors"]
    score = faults["threshold"]
    counted_ones = (
        "all detections" if score is None else f"detections from a score of {shown(score)}"
    )
    yield (
        f"With {counted_ones}, at IoU {faults['iou']}: "
        f"{counted(faults['true_positives'], 'object')} found and "
        f"{count(faults['undetected'])} not found."
    )
    yield from _counts(report)


def _restoration(report: Report) -> Iterator[str]:
    metrics = report["metrics"]
    low, high = report["data_range"]
    yield f"{counted(report['n'], 'pair')} of images with values from {low:g} to {high:g}."
    if report["luminance"] or report["border"]:
        what = "their luminance" if report["luminance"] else "all channels"
        around = f", without {report['border']} pixels along each side" if report["border"] else ""
        yield f"The comparison covers {what}{around}."
    yield f"The mean PSNR is {stated(report, metrics['psnr'], ' dB')}."
    yield f"The mean SSIM is {stated(report, metrics['ssim'])}."
    pooled = report["pooled"]["psnr"]
    yield f"The PSNR over all pixels of all pairs is {stated(report, pooled, ' dB')}."
