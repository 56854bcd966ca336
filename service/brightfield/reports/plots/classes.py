"""The classes side by side, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from brightfield.reports.drawing.style import COLORS
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report, ReportNumber, at_least_iou, classes, value
from brightfield.reports.text import label
from brightfield.reports.wording import name_of, with_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_METRICS = {
    "classification": ("sensitivity", "ppv"),
    "segmentation": ("iou", "dice"),
}
_MOST = 40


class ClassesPlot(Plot):
    """Two metrics of each class: sensitivity and PPV, IoU and Dice, or AP and AP at IoU 0.5.

    Of more than 40 classes the lowest 40 are shown.
    """

    tasks: ClassVar[tuple[str, ...]] = (*_METRICS, "detection")
    rank: ClassVar[int] = 6

    def lacks(self, report: Report) -> str | None:
        return None if _rows(report) else "no class has a value"

    def title(self, report: Report) -> str:
        return "Classes"

    def says(self, report: Report) -> str:
        first = _metrics(report)[0]
        parts = [f"{label} {with_interval(entries[0])}" for label, entries in _rows(report)[:20]]
        return f"{name_of(first)} by class: {'; '.join(parts)}."

    def size(self, report: Report) -> tuple[float, float]:
        return 6.4, 1.6 + 0.36 * len(_rows(report))

    def draw(self, report: Report, figure: Figure) -> None:
        axes = figure.add_subplot()
        rows = _rows(report)
        for place, metric in enumerate(_metrics(report)):
            shift = 0.14 * (2 * place - 1)
            _dots(axes, [entries[place] for _, entries in rows], shift, place, name_of(metric))
        axes.set_yticks(range(len(rows)), [label for label, _ in rows])
        axes.set(xlim=(-0.01, 1.01), ylim=(len(rows) - 0.4, -0.6))
        axes.grid(visible=False, axis="y")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)


def _metrics(report: Report) -> tuple[str, str]:
    return _METRICS.get(report["task"]) or ("ap", at_least_iou(report))


def _rows(report: Report) -> list[tuple[str, list[ReportNumber]]]:
    """Label and numbers of each class that has any."""
    names = _metrics(report)
    rows = [(label(c["label"]), [c["metrics"][name] for name in names]) for c in classes(report)]
    known = [row for row in rows if any(value(entry) is not None for entry in row[1])]
    if len(known) > _MOST:
        known = sorted(known, key=lambda row: min(value(entry) or 0.0 for entry in row[1]))[:_MOST]
    return known


def _dots(axes: Axes, entries: list[ReportNumber], shift: float, place: int, label: str) -> None:
    """A dot for each class and a line over its interval."""
    known = [(row + shift, entry) for row, entry in enumerate(entries) if value(entry) is not None]
    for row, entry in known:
        if entry["ci"] is not None:
            axes.plot(entry["ci"], [row, row], color=COLORS[place], lw=1.6, alpha=0.7)
    axes.plot(
        [entry["value"] for _, entry in known],
        [row for row, _ in known],
        "os"[place],
        color=COLORS[place],
        ms=6,
        label=label,
    )
