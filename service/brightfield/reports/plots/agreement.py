"""How far counts of objects agree with the true counts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from brightfield.reports.drawing.style import BLUE, INK, QUIET, VERMILLION
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report
from brightfield.reports.wording import counted, with_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = {
    "count_error": ("mean", VERMILLION, "-"),
    "count_limit_high": ("upper limit", INK, "--"),
    "count_limit_low": ("lower limit", INK, "--"),
}
# The area of a mark in square points, for each case at its place.
_MARK = 26


class AgreementPlot(Plot):
    """Bland and Altman's plot: the count error of each case over the mean of both counts, with the
    mean error and the limits of agreement, and their intervals."""

    tasks: ClassVar[tuple[str, ...]] = ("segmentation", "detection")
    rank: ClassVar[int] = 6

    def lacks(self, report: Report) -> str | None:
        if report.get("mode") == "semantic":
            return "objects are counted with mode=instance alone"
        return None if len(report["cases"]) > 1 else "limits of agreement need two cases"

    def title(self, report: Report) -> str:
        return "Agreement of counts"

    def says(self, report: Report) -> str:
        lines = [
            f"{name} {with_interval(report['metrics'][metric])}"
            for metric, (name, *_) in _LINES.items()
        ]
        about = f"Objects found less true objects of {counted(report['n'], 'image')}"
        return f"{about}, over the mean of both: {'; '.join(lines)}."

    def size(self, report: Report) -> tuple[float, float]:
        return 6.4, 4.2

    def draw(self, report: Report, figure: Figure) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.add_subplot()
        places = Counter(
            ((case["true_objects"] + case["found_objects"]) / 2, case["count_error"])
            for case in report["cases"]
        )
        sizes = [_MARK * times for times in places.values()]
        means, errors = zip(*places, strict=True)
        axes.scatter(means, errors, s=sizes, color=BLUE, alpha=0.65, lw=0, zorder=3)
        axes.axhline(0, color=QUIET, lw=0.8)
        for metric in _LINES:
            _level(axes, report, metric)
        axes.set(xlabel="Mean of true and found objects", ylabel="Objects found less true")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(nbins=7, integer=True))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=1)


def _level(axes: Axes, report: Report, metric: str) -> None:
    """A line across, and its interval as a band."""
    entry, (name, color, dashes) = report["metrics"][metric], _LINES[metric]
    if entry["value"] is None:
        return
    label = f"{name} {with_interval(entry)}"
    axes.axhline(entry["value"], color=color, lw=1.4, ls=dashes, label=label)
    if entry["ci"] is not None:
        axes.axhspan(*entry["ci"], color=color, alpha=0.08, lw=0)
