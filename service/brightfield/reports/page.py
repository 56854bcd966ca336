"""The report as one self-contained page of HTML: no script, no font, no address."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from brightfield.reports.drawing.canvas import inline
from brightfield.reports.plots import available
from brightfield.reports.plots.plot import Plot
from brightfield.reports.report import Report, level
from brightfield.reports.sections import Section, sections
from brightfield.reports.sentences import sentences
from brightfield.reports.tables import in_words
from brightfield.reports.text import plain
from brightfield.reports.wording import counted, percent

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

TITLES = {
    "classification": "Evaluation of a classification",
    "multilabel": "Evaluation of several labels",
    "segmentation": "Evaluation of a segmentation",
    "detection": "Evaluation of a detection",
    "restoration": "Evaluation of restored images",
}
_UNITS = {
    **dict.fromkeys(("classification", "multilabel"), "case"),
    "segmentation": "pair",
    "detection": "image",
}


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
    run = report.get("run") or {}
    parts = sections(report, list(plots))
    wanted = [name for part in parts for name in part.plots]
    figures = {name: _figure(plots[name], report, name) for name in wanted}
    return (
        template()
        .render(
            title=plain(title or run.get("name") or TITLES[report["task"]], 200),
            kind=TITLES[report["task"]],
            facts=_facts(report, parts),
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


def _facts(report: Report, parts: list[Section]) -> list[tuple[str, str]]:
    unit = _UNITS.get(report["task"], "pair")
    run, method = report.get("run"), report["conventions"]["ci"]["method"]
    chunks = [] if run is None else [("Chunks", f"{run['chunks']:,}")]
    return [
        ("Evaluated", counted(report["n"], unit)),
        ("Excluded", counted(report["excluded_n"], unit)),
        *([] if report["groups"] is None else [("Groups", f"{report['groups']:,}")]),
        ("Intervals", "none" if method == "none" else percent(level(report))),
        *chunks,
        *_making(report),
        ("Digest", plain(report["input_sha256"])[:12]),
    ]


def _making(report: Report) -> list[tuple[str, str]]:
    """What was evaluated, as its sender says, and when and by which version it was reported."""
    about, made = report.get("about") or {}, report.get("made")
    found = [
        (plain(name.replace("_", " "), 40).capitalize(), plain(in_words(value), 200))
        for name, value in about.items()
        if value is not None
    ]
    if made is not None:
        found += [("Brightfield", plain(made["brightfield"])), ("Date", plain(made["date"]))]
    return found


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
