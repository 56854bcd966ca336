"""A comparison of two runs as a page and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from brightfield.reports.page import template
from brightfield.reports.render import Rendered, rendered
from brightfield.reports.requirements.differences import MAIN, ComparedRuns, compared_numbers
from brightfield.reports.sections import Cell, Section, SectionTable, requirement_section
from brightfield.reports.summaries.junit import junit
from brightfield.reports.summaries.markdown import markdown
from brightfield.reports.summaries.summary import Summary
from brightfield.reports.tables import ReportTable, in_words
from brightfield.reports.text import plain
from brightfield.reports.wording import (
    METHODS,
    REASONS,
    TESTS,
    chance,
    counted,
    interval,
    name_of,
    percent,
    shown,
)

COMPARISON_FORMS = ("csv", "html", "junit", "markdown")
_KIND = "Comparison of two runs"
_UNITS = {"classification": "row", "multilabel": "row", "detection": "image"}


def render_comparison(found: ComparedRuns, form: str, title: str | None = None) -> Rendered:
    """The comparison as `csv`, or as `html`, `junit` or `markdown` under a `title`."""
    if form == "csv":
        return rendered(_table(found).csv(), form, "comparison")
    write = {"html": _page, "junit": _junit, "markdown": _markdown}[form]
    return rendered(write(found, title), form, "comparison")


def _junit(found: ComparedRuns, title: str | None) -> bytes:
    return junit(_summary(found, title))


def _markdown(found: ComparedRuns, title: str | None) -> bytes:
    return markdown(_summary(found, title))


def _summary(found: ComparedRuns, title: str | None) -> Summary:
    columns, *rows = [_COLUMNS, *(_texts(*number) for number in compared_numbers(found))]
    return Summary(
        _heading(found, title),
        _KIND,
        found["n"],
        _facts(found),
        list(_headlines(found)),
        found.get("requirements", ()),
        columns,
        rows,
        _warnings(found),
    )


def _texts(scope: str, label: str, name: str, entry: Mapping[str, Any]) -> list[str]:
    whole = {"all": "", "pooled": ", pooled"}.get(scope, f", {plain(label, 60)}")
    return [cell.text for cell in _row(f"{name_of(name)}{whole}", entry)]


def _table(found: ComparedRuns) -> ReportTable:
    columns = ("scope", "class", "metric", "a", "b", "difference", "ci_low", "ci_high", "ci_level",
               "ci_method", "p_value", "test", "n", "lacking_a", "lacking_b", "undefined",
               "ci_undefined")  # fmt: skip
    level = found["conventions"]["ci"]["level"]
    rows = []
    for scope, label, name, entry in compared_numbers(found):
        low, high = entry["ci"] or (None, None)
        rows.append(
            (scope, label, name, entry["a"], entry["b"], entry["difference"], low, high,
             None if entry["ci"] is None else level, entry["method"], entry["p_value"],
             entry["test"], entry["n"], entry["lacking_a"]["n"], entry["lacking_b"]["n"],
             entry["undefined"], entry["ci_undefined"])
        )  # fmt: skip
    return ReportTable(columns, rows)


def _page(found: ComparedRuns, title: str | None) -> bytes:
    parts = [requirement_section(found), _all(found), _classes(found), _alone(found)]
    return (
        template()
        .render(
            title=_heading(found, title),
            kind=_KIND,
            facts=_facts(found),
            headlines=list(_headlines(found)),
            warnings=_warnings(found),
            sections=[*(part for part in parts if part.grids), _conventions(found)],
            figures={},
        )
        .encode()
    )


def _heading(found: ComparedRuns, title: str | None) -> str:
    if title:
        return plain(title, 200)
    named = any(found[side]["name"] for side in ("a", "b"))
    return " against ".join(_names(found)) if named else _KIND


def _names(found: ComparedRuns) -> list[str]:
    return [plain(found[side]["name"] or found[side]["id"], 80) for side in ("a", "b")]


def _warnings(found: ComparedRuns) -> list[str]:
    return [plain(warning["detail"], 1000) for warning in found["warnings"]]


def _facts(found: ComparedRuns) -> list[tuple[str, str]]:
    confidence = found["conventions"]["ci"]
    unit = _UNITS.get(found["task"], "pair")
    first, second = _names(found)
    return [
        ("Run a", first),
        ("Run b", second),
        ("In both", counted(found["n"], unit)),
        ("In a alone", counted(found["only_a"]["n"], unit)),
        ("In b alone", counted(found["only_b"]["n"], unit)),
        ("Intervals", "none" if confidence["method"] == "none" else percent(confidence["level"])),
    ]


def _headlines(found: ComparedRuns) -> Iterator[str]:
    """The differences that most readers look for."""
    yield "A difference is that of run a minus run b, over what both runs are about."
    for name in MAIN:
        entry = found["metrics"].get(name)
        if entry is None or entry["difference"] is None:
            continue
        text = f"{name_of(name, _unit(found))}: {shown(entry['a'])} and "
        text += f"{shown(entry['b'])}, difference {shown(entry['difference'])}"
        if entry["ci"] is not None:
            text += f" ({percent(found['conventions']['ci']['level'])} interval {interval(entry)})"
        if entry["p_value"] is not None:
            text += f", {chance(entry['p_value'])} ({TESTS[entry['test']]})"
        yield text + "."


def _unit(found: ComparedRuns) -> str | None:
    """That of distances."""
    unit: str | None = found["conventions"].get("unit")
    return unit


def _all(found: ComparedRuns) -> Section:
    captions = {"all": "Over all cases", "pooled": "Pooled: over all pixels or objects"}
    grids = []
    for scope, caption in captions.items():
        rows = [
            _row(name_of(name, _unit(found)), entry)
            for own, _, name, entry in compared_numbers(found)
            if own == scope
        ]
        if rows:
            grids.append(SectionTable(caption, _COLUMNS, rows, note=_NOTE))
    return Section("differences", "Differences", (), (), grids)


_COLUMNS = ("Metric", "a", "b", "a \N{MINUS SIGN} b", "Interval", "p", "Method, or reason", "n")
_NOTE = (
    "p is the probability of a difference at least as large if neither run is better; with many "
    "numbers some are small by chance."
)


def _row(name: str, entry: Mapping[str, Any]) -> list[Cell]:
    reason = entry["undefined"] or (entry["ci_undefined"] if entry["ci"] is None else None)
    how = REASONS.get(reason, reason) if reason else METHODS.get(entry["method"], entry["method"])
    if entry["test"] is not None:
        how = f"{how}; {TESTS[entry['test']]}"
    lacking = entry["lacking_a"]["n"] + entry["lacking_b"]["n"]
    share = f"{lacking:,} without a value in one run" if lacking else ""
    return [
        Cell(name),
        *(Cell(shown(entry[part]), number=True) for part in ("a", "b", "difference")),
        Cell(interval(entry), number=True),
        Cell(chance(entry["p_value"], ""), number=True),
        Cell(how),
        Cell(f"{entry['n']:,}", number=True, share=share),
    ]


def _classes(found: ComparedRuns) -> Section:
    grids = []
    for own in (found.get("per_class") or ())[:_MOST]:
        rows = [_row(name_of(name, _unit(found)), e) for name, e in own["metrics"].items()]
        grids.append(SectionTable(plain(own["label"], 60), _COLUMNS, rows))
    return Section("classes", "Classes", (), (), grids)


_MOST = 60


def _alone(found: ComparedRuns) -> Section:
    """The ids that one run alone has, and the cases of which one run alone has a value."""
    rows = []
    for side in ("a", "b"):
        own = found[f"only_{side}"]
        if own["n"]:
            rows.append(_listed(f"only in run {side}", own))
        for _, label, name, entry in compared_numbers(found):
            if entry[f"lacking_{side}"]["n"]:
                what = f"{label} {name_of(name)}".strip()
                rows.append(_listed(f"{what}: no value in run {side}", entry[f"lacking_{side}"]))
    grids = [SectionTable("Ids", ("What", "Count", "The first"), rows)] if rows else []
    return Section("alone", "What one run lacks", (), (), grids)


def _listed(what: str, own: Mapping[str, Any]) -> list[Cell]:
    ids = ", ".join(plain(each, 40) for each in own["ids"][:20])
    return [Cell(plain(what, 120)), Cell(f"{own['n']:,}", number=True), Cell(ids)]


def _conventions(found: ComparedRuns) -> Section:
    items = [
        (plain(name.replace("_", " ")), plain(in_words(text), 1000))
        for name, text in found["conventions"].items()
    ]
    return Section("conventions", "Conventions", (), (), (), items)
