"""The reliability diagram: whether probabilities mean what they say."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar

from brightfield.reports.drawing.style import BLUE, QUIET, SKY, unit_square
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report, curve, is_binary
from brightfield.reports.wording import REASONS, with_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class CalibrationPlot(Plot):
    """The share of positives over the mean probability of each bin, and the rows of each bin."""

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    rank: ClassVar[int] = 5

    def lacks(self, report: Report) -> str | None:
        if curve(report, "calibration") is not None:
            return None
        return REASONS.get(report["metrics"]["ece"]["undefined"], "there are no probabilities")

    def title(self, report: Report) -> str:
        return "Calibration"

    def says(self, report: Report) -> str:
        return (
            "Reliability diagram. Expected calibration error "
            f"{with_interval(report['metrics']['ece'])}."
        )

    def size(self, report: Report) -> tuple[float, float]:
        return 5.6, 6.4

    def draw(self, report: Report, figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
        whose = "positive class" if is_binary(report) else "most probable class"
        unit_square(upper, "", "Share of positives")
        upper.set_aspect("auto")
        upper.plot([0, 1], [0, 1], color=QUIET, lw=1.3, ls=":", label="perfect")
        _points(upper, report)
        upper.legend(loc="upper left")
        found = curve(report, "calibration")
        assert found is not None
        edges = found["edges"]
        widths = [high - low for low, high in itertools.pairwise(edges)]
        lower.bar(edges[:-1], found["count"], width=widths, align="edge", color=SKY)
        lower.set(xlim=(-0.01, 1.01), ylabel="Rows", xlabel=f"Probability of the {whose}")
        lower.grid(visible=False, axis="x")


def _points(axes: Axes, report: Report) -> None:
    found = curve(report, "calibration")
    assert found is not None
    parts = (found[name] for name in ("mean_score", "fraction", "ci"))
    bins = [each for each in zip(*parts, strict=True) if each[0] is not None]
    arms = None
    if bins and all(ci is not None for _, _, ci in bins):
        arms = [
            [max(0.0, share - ci[0]) for _, share, ci in bins],
            [max(0.0, ci[1] - share) for _, share, ci in bins],
        ]
    axes.errorbar(
        [score for score, _, _ in bins],
        [share for _, share, _ in bins],
        yerr=arms,
        fmt="o-",
        ms=5,
        color=BLUE,
        elinewidth=1,
        capsize=3,
        label=f"ECE {with_interval(report['metrics']['ece'])}",
    )
