"""The scores of both classes with the threshold, and what moves as it slides."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from brightfield.reports.drawing.operating import operating_words
from brightfield.reports.drawing.style import BLUE, INK, VERMILLION
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report, curve, is_binary
from brightfield.reports.sliding import errors_here, slides
from brightfield.reports.text import label
from brightfield.reports.wording import REASONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class ThresholdPlot(Plot):
    """Above, how the scores of each class are distributed: positives below the threshold are false
    negatives, negatives from it on false positives, and both are hatched. Below, the share of each
    class that is wrong at every threshold. Shares, since a rare class would not be seen beside the
    other."""

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    rank: ClassVar[int] = 3

    def lacks(self, report: Report) -> str | None:
        if not is_binary(report):
            return "a threshold is for two classes"
        if report["curves"]["roc"] is None:
            return "only predicted labels were sent"
        if curve(report, "histogram") is None:
            return REASONS["no_rows"] if not report["n"] else "the scores can't be put into bins"
        return None

    def title(self, report: Report) -> str:
        return "Scores and threshold"

    def says(self, report: Report) -> str:
        found = errors_here(report)
        if found is None:
            return "Histograms of the scores of both classes; there is no threshold."
        here = f"Histograms of the scores of both classes, {operating_words(report)}: {found.told}."
        return " ".join((here, *slides(report)))

    def size(self, report: Report) -> tuple[float, float]:
        return 6.4, 6.4

    def draw(self, report: Report, figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, height_ratios=[3, 2], sharex=True)
        _histograms(upper, report)
        _sliding(lower, report)
        found, threshold = curve(report, "histogram"), report["operating_point"]["threshold"]
        assert found is not None
        low, high = found["edges"][0], found["edges"][-1]
        room = 0.02 * (high - low)
        lower.set_xlim(low - room, high + room)
        if threshold is not None and low <= threshold <= high:
            upper.axvline(threshold, color=INK, lw=1.4)
            lower.axvline(threshold, color=INK, lw=1.4, label=operating_words(report))
        sides = [axes.get_legend_handles_labels() for axes in (upper, lower)]
        handles, names = ([*one, *two] for one, two in zip(*sides, strict=True))
        figure.legend(handles, names, loc="outside lower center", ncols=2)


def _histograms(axes: Axes, report: Report) -> None:
    """The share of its class in each bin, hatched where it is on the wrong side."""
    found, point = curve(report, "histogram"), report["operating_point"]
    assert found is not None
    edges, threshold = found["edges"], point["threshold"]
    (negative,) = (name for name in report["labels"] if name != point["positive"])
    below = [threshold is not None and low < threshold for low in edges[:-1]]
    above = [threshold is not None and low >= threshold for low in edges[:-1]]
    for counts, name, color, wrong in (
        (found["negatives"], negative, BLUE, above),
        (found["positives"], point["positive"], VERMILLION, below),
    ):
        total = sum(counts)
        heights = [count / max(1, total) for count in counts]
        marked = [height if at else 0.0 for height, at in zip(heights, wrong, strict=True)]
        axes.stairs(heights, edges, fill=True, color=color, alpha=0.25, lw=0)
        role = ", positive" if counts is found["positives"] else ""
        text = f"{label(name)}{role} (n = {total:,})"
        axes.stairs(heights, edges, color=color, lw=1.5, label=text)
        axes.stairs(marked, edges, fill=True, fc="none", ec=color, hatch=_HATCHES[color], lw=0)
    axes.set(ylabel="Share of its class")
    axes.set_ylim(bottom=0)
    axes.grid(visible=False, axis="x")


def _sliding(axes: Axes, report: Report) -> None:
    """The share of each class that is wrong, over every threshold."""
    table, here = curve(report, "thresholds"), errors_here(report)
    found = curve(report, "histogram")
    assert table is not None and found is not None
    positives, negatives = (table["tp"][0] + table["fn"][0], table["fp"][0] + table["tn"][0])
    # Between two thresholds a row is called positive by the higher one; beyond them all, or none.
    ends = (
        min(found["edges"][0], table["threshold"][-1]),
        max(found["edges"][-1], table["threshold"][0]),
    )
    places = [ends[0], *table["threshold"][::-1], ends[1]]
    for name, counts, last, of, color, dashes in (
        ("false negatives", table["fn"], positives, positives, VERMILLION, "-"),
        ("false positives", table["fp"], 0, negatives, BLUE, "--"),
    ):
        shares = [count / max(1, of) for count in (counts[-1], *counts[::-1], last)]
        number = None if here is None else here.fn if color == VERMILLION else here.fp
        text = name if number is None else f"{name} (hatched): {number:,} of {of:,}"
        axes.plot(places, shares, color=color, ls=dashes, drawstyle="steps-pre", label=text)
    axes.set(ylabel="Share that is wrong", xlabel="Score, or threshold", ylim=(-0.02, 1.02))


_HATCHES = {BLUE: "\\\\\\\\", VERMILLION: "////"}
