"""The ROC curve: sensitivity over the share of false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

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
from brightfield.reports.report import Report, curve, is_binary
from brightfield.reports.wording import REASONS, with_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARTS = ("fpr", "tpr")


class Roc(Plot):
    """Of two classes with the operating point; of more, each against the rest, and all together.

    Points of one score are joined by a straight line, so the area below is the AUROC with ties
    counted half.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "multilabel")
    rank: ClassVar[int] = 1

    def lacks(self, report: Report) -> str | None:
        found = (report["curves"] or {}).get("roc")
        if found is None:
            return "only predicted labels were sent"
        return None if found["fpr"] else REASONS.get(found["undefined"], "there are no points")

    def title(self, report: Report) -> str:
        if report["task"] == "multilabel":
            return "ROC curves of the labels"
        return "ROC curve" if is_binary(report) else "ROC curves, each class against the rest"

    def says(self, report: Report) -> str:
        if is_binary(report):
            return f"ROC curve. AUROC {with_interval(report['metrics']['auroc'])}."
        parts = [line.legend for line in of_classes(report, "roc", _PARTS, "auroc")]
        return f"ROC curves with their AUROC. {'; '.join(parts[:20])}."

    def size(self, report: Report) -> tuple[float, float]:
        return 5.6, 5.0 + height_of(2 + len(report["per_class"]))

    def draw(self, report: Report, figure: Figure) -> None:
        axes = figure.add_subplot()
        unit_square(axes, "False positive rate (1 \N{MINUS SIGN} specificity)",
                    "True positive rate (sensitivity)")  # fmt: skip
        axes.plot([0, 1], [0, 1], color=QUIET, lw=1.3, ls=":", label="chance")
        points = curve(report, "roc")
        assert points is not None
        others = 0
        if is_binary(report):
            label = f"AUROC {with_interval(report['metrics']['auroc'])}"
            axes.plot(points["fpr"], points["tpr"], color=BLUE, label=label)
            draw_operating_point(axes, report, "specificity", "sensitivity", flipped=True)
        else:
            mean = report["metrics"].get("auroc_micro")
            draw_mean(axes, Curve("all together (micro)", points["fpr"], points["tpr"], mean))
            others = draw_lines(axes, of_classes(report, "roc", _PARTS, "auroc"))
        legend_below(figure, axes, others)
