"""A report in the form that a reader wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from brightfield.errors import InvalidParameter, nearest
from brightfield.reports.drawing.canvas import draw
from brightfield.reports.page import page
from brightfield.reports.plots import choose
from brightfield.reports.report import Report
from brightfield.reports.tables import TABLES, tables

FORMATS: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
"""The media type of every form beside JSON."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file, and the name that it would have."""

    content: bytes
    media_type: str
    name: str


def render(
    report: Report,
    form: str,
    *,
    plot: str | None = None,
    table: str | None = None,
    title: str | None = None,
) -> Rendered:
    """The report as `csv` (of one `table`), `html` (with a `title`), or a `plot` as `svg` or `png`.

    Left out, the table is that of all numbers, and the plot the first that the report has. Raises
    `InvalidParameter` for a plot or table that the report has not, naming those it has, and for
    one that the form has no use for.
    """
    check_use(form, plot, table, title)
    if form == "csv":
        name = table or "numbers"
        return _file(_table(report, name), form, name)
    if form == "html":
        return _file(page(report, title), form, "report")
    chosen = choose(report, plot)
    drawn = draw(chosen, report, "svg" if form == "svg" else "png")
    return _file(drawn, form, plot or "plot")


def _file(content: bytes, form: str, name: str) -> Rendered:
    return Rendered(content, FORMATS[form], f"{name}.{form}")


def _table(report: Report, name: str) -> bytes:
    known = tables(report)
    if name not in known:
        what = "There is no table" if name not in TABLES else "This report has no table"
        raise InvalidParameter(
            f"{what} {name!r}.{nearest(name, list(known))} It has {', '.join(known)}.",
            errors=[{"location": "table", "expected": list(known), "received": name}],
        )
    return known[name].csv()


def check_use(form: str, plot: str | None, table: str | None, title: str | None) -> None:
    """Refuse what would be passed over in silence."""
    uses = {"plot": (plot, ("svg", "png")), "table": (table, ("csv",)), "title": (title, ("html",))}
    for name, (given, forms) in uses.items():
        if given is not None and form not in forms:
            raise InvalidParameter(
                f"`{name}` goes with format={' or format='.join(forms)}, not with {form}.",
                errors=[{"location": name, "expected": list(forms), "received": form}],
            )
