"""The report as one self-contained page of HTML: no script, no font, no address."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from brightfield.reports.drawing.canvas import inline
from brightfield.reports.facts import facts, heading, kind
from brightfield.reports.plots import available
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report
from brightfield.reports.sections import sections
from brightfield.reports.sentences import sentences
from brightfield.reports.text import plain

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot within the page."""

    svg: Markup
    title: str
    says: str
    wide: bool


def page(report: Report, title: str | None = None) -> bytes:
    """The page as UTF-8, under `title`, else the name of the run that the report is about.

    Whatever callers wrote in it is escaped.
    """
    plots = available(report)
    parts = sections(report, list(plots))
    wanted = [name for part in parts for name in part.plots]
    figures = {name: _figure(plots[name], report, name) for name in wanted}
    return (
        template()
        .render(
            title=heading(report, title),
            kind=kind(report),
            facts=facts(report),
            headlines=sentences(report),
            warnings=[plain(warning["detail"], 500) for warning in report["warnings"]],
            sections=parts,
            figures=figures,
        )
        .encode()
    )


def _figure(plot: Plot, report: Report, name: str) -> Figure:
    from markupsafe import Markup

    return Figure(
        Markup(inline(plot, report, name)),  # matplotlib has escaped the texts within
        plot.title(report),
        plain(plot.says(report), 2000),
        wide=plot.size(report)[0] > 8,
    )


@cache
def template() -> Template:
    """The page's frame."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("brightfield.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
