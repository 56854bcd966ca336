"""How the values of a metric are distributed over the cases."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from brightfield.reports.drawing.style import COLORS, INK
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report
from brightfield.reports.wording import counted, name_of, with_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHARES = frozenset({"iou", "dice", "pq", "ssim"})
_BINS = 20


class Cases(Plot):
    """A histogram for each of the main metrics, with the mean over the cases and its interval."""

    tasks: ClassVar[tuple[str, ...]] = ("segmentation", "restoration")
    rank: ClassVar[int] = 1

    def lacks(self, report: Report) -> str | None:
        return None if _metrics(report) else "no case has a value"

    def title(self, report: Report) -> str:
        return "Distribution over the cases"

    def says(self, report: Report) -> str:
        parts = [f"{name_of(m)} {with_interval(report['metrics'][m])}" for m in _metrics(report)]
        return f"Histograms over {counted(report['n'], 'case')}. Means: {'; '.join(parts)}."

    def size(self, report: Report) -> tuple[float, float]:
        return 4.2 * len(_metrics(report)), 3.8

    def draw(self, report: Report, figure: Figure) -> None:
        metrics = _metrics(report)
        low = _lowest(report, [name for name in metrics if name in _SHARES])
        for place, name in enumerate(metrics):
            axes = figure.add_subplot(1, len(metrics), place + 1)
            span = (low, 1.0) if name in _SHARES else None
            _histogram(axes, _known(report, name), span, COLORS[place])
            _describe(axes, report, name)
            if place == 0:
                axes.set_ylabel("Cases")


def _metrics(report: Report) -> list[str]:
    """The main ones that any case has."""
    if report["task"] == "restoration":
        wanted = ["psnr", "ssim"]
    else:
        wanted = ["iou", "dice", *(["pq"] if report["mode"] == "instance" else [])]
    return [name for name in wanted if any(case[name] is not None for case in report["cases"])]


def _known(report: Report, name: str) -> list[float]:
    return [case[name] for case in report["cases"] if case[name] is not None]


def _lowest(report: Report, shares: list[str]) -> float:
    """Where the axes of shares begin, all alike: at 0, or where the worst case is good at the tenth
    below it."""
    least = min((value for name in shares for value in _known(report, name)), default=0.0)
    return math.floor(10 * least) / 10 if least > 0.5 or least < 0 else 0.0


def _histogram(
    axes: Axes, known: list[float], span: tuple[float, float] | None, color: str
) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.hist(known, bins=_BINS, range=span, color=color, alpha=0.75)
    # A mark for each case, so that a few are seen as a few.
    axes.plot(known, [0.0] * len(known), "|", color=INK, ms=7, alpha=0.6, clip_on=False)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.grid(visible=False, axis="x")


def _describe(axes: Axes, report: Report, name: str) -> None:
    """The mean with its interval, and how many cases there are without a value."""
    entry = report["metrics"][name]
    if entry["value"] is not None:
        axes.axvline(entry["value"], color=INK, lw=1.4)
        if entry["ci"] is not None:
            axes.axvspan(*entry["ci"], color=INK, alpha=0.12, lw=0)
        axes.set_title(f"mean {with_interval(entry)}", fontsize=9.5)
    missing = len(report["cases"]) - len(_known(report, name))
    more = f"\n({counted(missing, 'case')} without a value)" if missing else ""
    axes.set_xlabel(name_of(name) + more)
