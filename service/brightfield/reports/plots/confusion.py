"""The confusion matrix as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.reports.drawing.style import BLUE, FAINT, QUIET
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report
from brightfield.reports.text import label
from brightfield.reports.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Up to so many classes a cell states the count and the share, up to so many the count alone, and
# up to so many there is room for every name.
_BOTH, _COUNTS, _NAMES = 8, 24, 60
_OF = {"segmentation": " of pixels", "detection": " of objects"}
_UNITS = {"segmentation": "pixel", "detection": "object or detection"}


class Confusion(Plot):
    """Truth in rows, predictions in columns; the colour is the share of the actual class.

    The row of a class without members has no shares and is hatched.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "segmentation", "detection")
    rank: ClassVar[int] = 4

    def lacks(self, report: Report) -> str | None:
        found = report["confusion"]
        if found is None:
            return "there are too many classes"
        if report["task"] == "detection" and not report["per_class"]:
            return "the classes were not told apart"
        return None if found["counts"] else "no threshold could be chosen"

    def title(self, report: Report) -> str:
        return f"Confusion matrix{_OF.get(report['task'], '')}"

    def says(self, report: Report) -> str:
        counts = np.asarray(report["confusion"]["counts"])
        unit = _UNITS.get(report["task"], "row")
        right, total = int(np.trace(counts)), int(counts.sum())
        return f"Confusion matrix of {counted(total, unit)}, {right:,} of them on the diagonal."

    def size(self, report: Report) -> tuple[float, float]:
        k = len(report["confusion"]["labels"])
        each = 0.95 if k <= _BOTH else 0.48 if k <= _COUNTS else 0.2
        side = float(np.clip(1.6 + each * k, 4.2, 14.0))
        return side + 1.0, side

    def draw(self, report: Report, figure: Figure) -> None:
        found = report["confusion"]
        labels = [label(name, 20) for name in found["labels"]]
        counts, k = np.asarray(found["counts"]), len(labels)
        shares = np.array([row or [np.nan] * k for row in found["normalized"]], np.float64)
        axes = figure.add_subplot()
        picture = axes.imshow(shares, cmap=_colours(), vmin=0, vmax=1, interpolation="nearest")
        _hatch(axes, shares)
        axes.set(xlabel="Predicted", ylabel="Actual")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        step = 1 if k <= _NAMES else -(-k // 40)
        places = range(0, k, step)
        slanted = max(map(len, labels)) > (9 if k <= _BOTH else 3)
        axes.set_xticks(places, labels[::step], rotation=90 if k > _BOTH else 40 if slanted else 0,
                        ha="right" if slanted and k <= _BOTH else "center",
                        rotation_mode="anchor" if slanted and k <= _BOTH else "default",
                        fontsize=10 if k <= _COUNTS else 7)  # fmt: skip
        axes.set_yticks(places, labels[::step], fontsize=10 if k <= _COUNTS else 7)
        _write(axes, counts, shares)
        figure.colorbar(picture, ax=axes, label="share of the actual class", shrink=0.8)


def _colours() -> Any:
    """From white to a dark blue, evenly in lightness."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("share", ["#ffffff", "#9ccbe6", BLUE, "#023858"])


def _hatch(axes: Axes, shares: NDArray[np.float64]) -> None:
    from matplotlib.patches import Rectangle

    k = len(shares)
    for row in np.flatnonzero(np.isnan(shares).all(axis=1)).tolist():
        axes.add_patch(Rectangle((-0.5, row - 0.5), k, 1, fill=False, hatch="////", ec=FAINT, lw=0))


def _write(axes: Axes, counts: NDArray[Any], shares: NDArray[np.float64]) -> None:
    """The numbers in the cells, white on dark ones."""
    k = len(counts)
    if k > _COUNTS:
        return
    for row, column in np.ndindex(k, k):
        number, share = int(counts[row, column]), shares[row, column]
        if not number and k > _BOTH:
            continue
        text = short(number)
        if k <= _BOTH and not np.isnan(share):
            text += f"\n{100 * share:.1f} %"
        color = "#fefefe" if share > 0.5 else "#101214" if number else QUIET
        axes.text(column, row, text, ha="center", va="center", color=color,
                  fontsize=9 if k <= _BOTH else 8.5)  # fmt: skip


def short(number: int) -> str:
    """A count in few letters: `950`, `12k`, `3.4M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 10 * size or (size > 1e3 and number >= size):
            part = number / size
            return f"{part:.0f}{letter}" if part >= 10 else f"{part:.1f}{letter}"
    return str(number)
