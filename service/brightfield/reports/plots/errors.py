"""What kinds of mistakes a detector makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from brightfield.reports.drawing.style import BLUE, VERMILLION
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report
from brightfield.reports.wording import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ERROR_NAMES: Mapping[str, str] = {
    "classification": "wrong class",
    "localization": "imprecise position",
    "both": "wrong class and position",
    "duplicate": "found twice",
    "background": "no object there",
    "missed": "object missed",
}


class ErrorsPlot(Plot):
    """A bar for each kind of false detection, and for the objects that were missed."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    rank: ClassVar[int] = 7

    def lacks(self, report: Report) -> str | None:
        counts = report["errors"]["counts"]
        return None if any(counts.values()) else "there are no errors"

    def title(self, report: Report) -> str:
        return "Kinds of error"

    def says(self, report: Report) -> str:
        counts = report["errors"]["counts"]
        return (
            "; ".join(f"{ERROR_NAMES.get(name, name)}: {count(n)}" for name, n in counts.items())
            + "."
        )

    def size(self, report: Report) -> tuple[float, float]:
        return 6.0, 3.2

    def draw(self, report: Report, figure: Figure) -> None:
        counts = report["errors"]["counts"]
        axes = figure.add_subplot()
        colors = [VERMILLION if name == "missed" else BLUE for name in counts]
        bars = axes.barh([ERROR_NAMES.get(name, name) for name in counts], list(counts.values()),
                         color=colors, height=0.7)  # fmt: skip
        axes.bar_label(bars, [count(n) for n in counts.values()], padding=4)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_xlabel(f"Detections, and objects missed, at IoU {report['errors']['iou']:g}")
        axes.grid(visible=False, axis="y")
