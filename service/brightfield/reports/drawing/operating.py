"""The operating point on a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brightfield.reports.drawing.style import INK, VERMILLION
from brightfield.reports.report import Report, ReportNumber
from brightfield.reports.wording import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RULES = {
    "frozen": "chosen before",
    "probability": "the default",
    "youden": "by Youden's index",
}


def draw_operating_point(
    axes: Axes, report: Report, x: str, y: str, *, flipped: bool = False
) -> None:
    """Mark where the metrics `x` and `y` are, with their intervals; `flipped`: 1 - x.

    Nothing where either is undefined.
    """
    across, up = report["metrics"][x], report["metrics"][y]
    if across["value"] is None or up["value"] is None:
        return
    place = 1 - across["value"] if flipped else across["value"]
    spread = _arms(across)
    axes.errorbar(
        [place],
        [up["value"]],
        xerr=spread[::-1] if flipped and spread else spread,
        yerr=_arms(up),
        fmt="o",
        ms=7,
        color=VERMILLION,
        mec=INK,
        mew=0.8,
        elinewidth=1.2,
        capsize=3,
        zorder=5,
        label=f"operating point ({operating_words(report)})",
    )


def operating_words(report: Report) -> str:
    """`threshold 0.350, by Youden's index`."""
    point = report["operating_point"]
    if point["rule"] == "predictions":
        return "the predictions as sent"
    threshold = point["threshold"]
    where = "no case positive" if threshold is None else f"threshold {shown(threshold)}"
    return f"{where}, {_RULES.get(point['rule'], point['rule'])}"


def _arms(entry: ReportNumber) -> list[list[float]] | None:
    """How far the interval reaches below and above the value."""
    if entry["ci"] is None:
        return None
    low, high = entry["ci"]
    return [[max(0.0, entry["value"] - low)], [max(0.0, high - entry["value"])]]
