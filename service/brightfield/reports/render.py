"""A report in the form that a reader wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from brightfield.errors import InvalidParameter, nearest
from brightfield.reports.drawing.canvas import draw
from brightfield.reports.page import page
from brightfield.reports.plots import choose
from brightfield.reports.report import Report
from brightfield.reports.summaries.junit import junit
from brightfield.reports.summaries.markdown import markdown
from brightfield.reports.summaries.summary import Summary
from brightfield.reports.tables import TABLES, tables

FORMATS: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "junit": "application/xml",
    "markdown": "text/markdown; charset=utf-8",
}
"""The media type of every form beside JSON."""

_SUFFIXES = {"junit": "xml", "markdown": "md"}


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
    """The report as `csv` (of one `table`), as `html`, `junit` or `markdown` (with a `title`), or a
    `plot` as `svg` or `png`.

    Left out, the table is that of all numbers, and the plot the first that the report has. Raises
    `InvalidParameter` for a plot or table that the report has not, naming those it has, and for
    one that the form has no use for.
    """
    check_use(form, plot=plot, table=table, title=title)
    if form == "csv":
        name = table or "numbers"
        return rendered(_table(report, name), form, name)
    if form in _WHOLE:
        return rendered(_WHOLE[form](report, title), form, "report")
    chosen = choose(report, plot)
    drawn = draw(chosen, report, "svg" if form == "svg" else "png")
    return rendered(drawn, form, plot or "plot")


def rendered(content: bytes, form: str, name: str) -> Rendered:
    """A file of this form."""
    return Rendered(content, FORMATS[form], f"{name}.{_SUFFIXES.get(form, form)}")


def _junit(report: Report, title: str | None) -> bytes:
    return junit(Summary.of_report(report, title))


def _markdown(report: Report, title: str | None) -> bytes:
    return markdown(Summary.of_report(report, title))


_WHOLE = {"html": page, "junit": _junit, "markdown": _markdown}


def _table(report: Report, name: str) -> bytes:
    known = tables(report)
    if name not in known:
        what = "There is no table" if name not in TABLES else "This report has no table"
        raise InvalidParameter(
            f"{what} {name!r}.{nearest(name, list(known))} It has {', '.join(known)}.",
            errors=[{"location": "table", "expected": list(known), "received": name}],
        )
    return known[name].csv()


def check_use(form: str, **given: object) -> None:
    """Refuse a `plot`, `table`, `title` or `require` that would be passed over in silence."""
    for name, value in given.items():
        forms = _USES[name]
        if value is not None and form not in forms:
            raise InvalidParameter(
                f"`{name}` goes with format={' or format='.join(forms)}, not with {form}.",
                errors=[{"location": name, "expected": list(forms), "received": form}],
            )


_USES = {
    "plot": ("svg", "png"),
    "table": ("csv",),
    "title": ("html", "junit", "markdown"),
    "require": ("json", "html", "junit", "markdown", "csv"),
}
