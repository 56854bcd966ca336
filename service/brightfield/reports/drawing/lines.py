"""Curves of single classes side by side, for ROC and precision-recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brightfield.reports.drawing.style import INK, QUIET, line_style
from brightfield.reports.report import Report, ReportNumber, classes, value
from brightfield.reports.text import label
from brightfield.reports.wording import with_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CURVES = 12
"""Curves with a colour and a name; if there are more classes, the worst have them."""
_NAMED = 6


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve and the number that its legend states."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    entry: ReportNumber | None

    @property
    def legend(self) -> str:
        return f"{self.label}: {with_interval(self.entry)}" if self.entry else self.label


def of_classes(report: Report, curve: str, parts: tuple[str, str], metric: str) -> list[Curve]:
    """The curve of every class that has one."""
    found = []
    for each in classes(report):
        points: Mapping[str, Any] | None = each["curves"][curve]
        if points and points[parts[0]]:
            x, y = (points[part] for part in parts)
            found.append(Curve(label(each["label"]), x, y, each["metrics"].get(metric)))
    return found


def draw_lines(axes: Axes, lines: Sequence[Curve], drawstyle: str = "default") -> int:
    """Draw them, and return how many have no name: of more than 12 all but the six lowest."""
    named = list(lines)
    if len(lines) > MOST_CURVES:
        named = sorted(lines, key=lambda line: value(line.entry) or 0.0)[:_NAMED]
        for line in lines:
            if line not in named:
                axes.plot(line.x, line.y, color=QUIET, lw=0.6, alpha=0.5, drawstyle=drawstyle)
    for place, line in enumerate(named):
        color, dashes = line_style(place)
        axes.plot(line.x, line.y, color=color, ls=dashes, label=line.legend, drawstyle=drawstyle)
    return len(lines) - len(named)


def draw_mean(axes: Axes, line: Curve, drawstyle: str = "default") -> None:
    """The curve of all classes together, in ink."""
    axes.plot(line.x, line.y, color=INK, lw=2.2, ls=(0, (4, 1.5)), label=line.legend,
              drawstyle=drawstyle)  # fmt: skip


def legend_below(figure: Figure, axes: Axes, others: int = 0) -> None:
    """The names under the axes, which they never cover."""
    title = f"the lowest; {others} other classes in grey" if others else None
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", title=title)


def height_of(lines: int) -> float:
    """Inches that a legend of so many lines takes."""
    return 0.2 * min(lines, MOST_CURVES) + 0.2
