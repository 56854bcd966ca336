"""From a plot to SVG or PNG."""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Mapping
from typing import Any, Literal

from brightfield.reports.drawing.style import FAINT, GROUND, INK, QUIET
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report

Form = Literal["svg", "png"]

_DPI = 160
_PAD = 0.1  # inches of paper around the axes
# One drawing at a time: settings, and the filters of warnings, belong to the whole process.
_drawing = threading.Lock()

# No date and no program, so that the same report gives the same bytes.
_ANONYMOUS: Mapping[Form, Mapping[str, None]] = {
    "png": {"Software": None},
    "svg": dict.fromkeys(("Creator", "Date", "Format", "Type")),
}
_SETTINGS: Mapping[str, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica", "sans-serif"],
    "font.size": 10,
    "text.color": INK,
    # A label with dollar signs is a label, and no formula.
    "text.parse_math": False,
    "text.usetex": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    # Texts stay texts, and ids are the same every time.
    "svg.fonttype": "none",
    "svg.hashsalt": "brightfield",
    "hatch.linewidth": 0.6,
    "savefig.bbox": None,
    "savefig.facecolor": "auto",
    "savefig.dpi": "figure",
}


def draw(plot: Plot, report: Report, form: Form) -> bytes:
    """The plot as SVG or PNG (160 pixels per inch), on white."""
    return _drawn(plot, report, form, GROUND)


def inline(plot: Plot, report: Report, name: str) -> str:
    """The plot as an SVG element inside a page.

    Its ink is the page's `currentColor`, lines of the grid `var(--rule)`, other lines
    `var(--quiet)`, and there is no ground, so that it follows the page into the dark. `name` keeps
    its ids apart from those of others.
    """
    text = _drawn(plot, report, "svg", "none").decode()
    element = text[text.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    # Within tags alone: the texts between them are the callers'.
    return re.sub(r"<[^>]*>", lambda tag: _adapted(tag[0], name), element)


def _adapted(tag: str, name: str) -> str:
    if tag.startswith("<svg"):
        tag = re.sub(r' (?:width|height|version)="[^"]*"', "", tag)
        return tag.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    for color, adapted in ((INK, "currentColor"), (FAINT, "var(--rule)"), (QUIET, "var(--quiet)")):
        tag = tag.replace(color, adapted)
    tag = tag.replace(' id="', f' id="{name}-').replace('href="#', f'href="#{name}-')
    return tag.replace("url(#", f"url(#{name}-")


def _drawn(plot: Plot, report: Report, form: Form, ground: str) -> bytes:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    stream = io.BytesIO()
    settings: Any = {**_SETTINGS, "figure.facecolor": ground, "axes.facecolor": ground}
    with _drawing, mpl.rc_context(settings), warnings.catch_warnings():
        # Letters that the font has not are boxes in a PNG, and right in an SVG.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        layout = ConstrainedLayoutEngine(w_pad=_PAD, h_pad=_PAD)
        figure = Figure(figsize=plot.size(report), dpi=_DPI, layout=layout)
        plot.draw(report, figure)
        if ground != "none":  # a page has its own headings
            figure.suptitle(plot.title(report), fontsize=11)
        figure.savefig(stream, format=form, metadata=_ANONYMOUS[form])
    return stream.getvalue()
