"""Precision over recall."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from brightfield.reports.drawing.lines import (
    Curve,
    draw_lines,
    draw_mean,
    height_of,
    legend_below,
    of_classes,
)
from brightfield.reports.drawing.operating import draw_operating_point
from brightfield.reports.drawing.style import BLUE, QUIET, unit_square
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import (
    Report,
    at_least_iou,
    classes,
    curve,
    is_binary,
    least_iou,
)
from brightfield.reports.text import label
from brightfield.reports.wording import REASONS, shown, with_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PARTS = ("recall", "precision")
# From one threshold to the next precision is not a straight line: the curve goes in steps.
_STEPS = "steps-post"


class PrecisionRecall(Plot):
    """Of scores in steps, as average precision sums them; of boxes at the lowest IoU."""

    tasks: ClassVar[tuple[str, ...]] = ("classification", "multilabel", "detection")
    rank: ClassVar[int] = 2

    def lacks(self, report: Report) -> str | None:
        found = (report["curves"] or {}).get("pr")
        if found is None:
            detects = report["task"] == "detection"
            return "there are no objects" if detects else "only predicted labels were sent"
        return None if found["recall"] else REASONS.get(found["undefined"], "there are no points")

    def title(self, report: Report) -> str:
        if report["task"] == "detection":
            return f"Precision and recall at IoU {least_iou(report):g}"
        if report["task"] == "multilabel":
            return "Precision and recall of the labels"
        return "Precision and recall" + (
            "" if is_binary(report) else ", each class against the rest"
        )

    def says(self, report: Report) -> str:
        if is_binary(report):
            return f"Average precision {with_interval(report['metrics']['average_precision'])}."
        parts = [line.legend for line in _lines(report)]
        return f"Precision over recall with the average precision. {'; '.join(parts[:20])}."

    def size(self, report: Report) -> tuple[float, float]:
        return 5.6, 5.0 + height_of(2 + len(report["per_class"]))

    def draw(self, report: Report, figure: Figure) -> None:
        axes = figure.add_subplot()
        unit_square(axes, "Recall (sensitivity)", "Precision (PPV)")
        points = curve(report, "pr")
        assert points is not None
        if is_binary(report):
            self._binary(axes, report, points)
            others = 0
        else:
            style = "default" if report["task"] == "detection" else _STEPS
            draw_mean(axes, _together(report, points), style)
            others = draw_lines(axes, _lines(report), style)
        legend_below(figure, axes, others)

    def _binary(self, axes: Axes, report: Report, points: Mapping[str, Any]) -> None:
        chance = _prevalence(report)
        if chance is not None:
            label = f"chance: the share of positives, {shown(chance)}"
            axes.axhline(chance, color=QUIET, lw=1.3, ls=":", label=label)
        label = f"Average precision {with_interval(report['metrics']['average_precision'])}"
        axes.plot(points["recall"], points["precision"], color=BLUE, label=label, drawstyle=_STEPS)
        draw_operating_point(axes, report, "sensitivity", "ppv")


def _lines(report: Report) -> list[Curve]:
    if report["task"] != "detection":
        return of_classes(report, "pr", _PARTS, "average_precision")
    return [
        Curve(label(c["label"]), *_at_least(points), c["metrics"][at_least_iou(report)])
        for c in classes(report)
        if (points := curve(c, "pr")) is not None
    ]


def _together(report: Report, points: Mapping[str, Any]) -> Curve:
    metrics = report["metrics"]
    if report["task"] == "detection":
        name = "all together" if report["class_agnostic"] else "mean over the classes"
        return Curve(name, *_at_least(points), metrics[at_least_iou(report)])
    micro = metrics.get("average_precision_micro")
    return Curve("all together (micro)", points["recall"], points["precision"], micro)


def _at_least(points: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Recall and precision at the lowest IoU."""
    return points["recall"], points["precision"][0]


def _prevalence(report: Report) -> float | None:
    """The share of positives, from the counts at any threshold."""
    table = curve(report, "thresholds")
    if table is None:
        return None
    positives = table["tp"][0] + table["fn"][0]
    return float(positives / (positives + table["fp"][0] + table["tn"][0]))
