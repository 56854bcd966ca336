"""A comparison of two runs as a page and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from brightfield.reports.page import template
from brightfield.reports.render import FORMATS, Rendered
from brightfield.reports.sections import Cell, Section, SectionTable
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

ComparedRuns = Mapping[str, Any]
"""What GET /metrics/compare sends as JSON."""

COMPARISON_FORMS = ("csv", "html")
_HEADLINES = (
    *("auroc", "auroc_macro", "average_precision", "accuracy", "dice", "iou", "hd95", "nsd", "pq"),
    *("ap", "ap50", "psnr", "ssim"),
)
_UNITS = {"classification": "row", "multilabel": "row", "detection": "image"}


def render_comparison(found: ComparedRuns, form: str, title: str | None = None) -> Rendered:
    """The comparison as `csv`, or as `html` under a `title`."""
    content = _table(found).csv() if form == "csv" else _page(found, title)
    return Rendered(content, FORMATS[form], f"comparison.{form}")


def _numbers(found: ComparedRuns) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Scope, class, name and entry of every difference."""
    for scope, part in (("all", "metrics"), ("pooled", "pooled")):
        for name, entry in (found.get(part) or {}).items():
            yield scope, "", name, entry
    for own in found.get("per_class") or ():
        for name, entry in own["metrics"].items():
            yield "class", str(own["label"]), name, entry


def _table(found: ComparedRuns) -> ReportTable:
    columns = ("scope", "class", "metric", "a", "b", "difference", "ci_low", "ci_high", "ci_level",
               "ci_method", "p_value", "test", "n", "lacking_a", "lacking_b", "undefined",
               "ci_undefined")  # fmt: skip
    level = found["conventions"]["ci"]["level"]
    rows = []
    for scope, label, name, entry in _numbers(found):
        low, high = entry["ci"] or (None, None)
        rows.append(
            (scope, label, name, entry["a"], entry["b"], entry["difference"], low, high,
             None if entry["ci"] is None else level, entry["method"], entry["p_value"],
             entry["test"], entry["n"], entry["lacking_a"]["n"], entry["lacking_b"]["n"],
             entry["undefined"], entry["ci_undefined"])
        )  # fmt: skip
    return ReportTable(columns, rows)


def _page(found: ComparedRuns, title: str | None) -> bytes:
    names = {side: plain(found[side]["name"] or found[side]["id"], 80) for side in ("a", "b")}
    heading = plain(title, 200) if title else f"{names['a']} against {names['b']}"
    parts = [part for part in (_all(found), _classes(found), _alone(found)) if part.grids]
    return (
        template()
        .render(
            title=heading,
            kind="Comparison of two runs",
            facts=_facts(found, names),
            headlines=list(_headlines(found)),
            warnings=[plain(warning["detail"], 1000) for warning in found["warnings"]],
            sections=[*parts, _conventions(found)],
            figures={},
        )
        .encode()
    )


def _facts(found: ComparedRuns, names: Mapping[str, str]) -> list[tuple[str, str]]:
    confidence = found["conventions"]["ci"]
    unit = _UNITS.get(found["task"], "pair")
    return [
        ("Run a", names["a"]),
        ("Run b", names["b"]),
        ("In both", counted(found["n"], unit)),
        ("In a alone", counted(found["only_a"]["n"], unit)),
        ("In b alone", counted(found["only_b"]["n"], unit)),
        ("Intervals", "none" if confidence["method"] == "none" else percent(confidence["level"])),
    ]


def _headlines(found: ComparedRuns) -> Iterator[str]:
    """The differences that most readers look for."""
    yield "A difference is that of run a minus run b, over what both runs are about."
    for name in _HEADLINES:
        entry = found["metrics"].get(name)
        if entry is None or entry["difference"] is None:
            continue
        text = f"{name_of(name)}: {shown(entry['a'])} and {shown(entry['b'])}, difference "
        text += shown(entry["difference"])
        if entry["ci"] is not None:
            text += f" ({percent(found['conventions']['ci']['level'])} interval {interval(entry)})"
        if entry["p_value"] is not None:
            text += f", {chance(entry['p_value'])} ({TESTS[entry['test']]})"
        yield text + "."


def _all(found: ComparedRuns) -> Section:
    captions = {"all": "Over all cases", "pooled": "Pooled: over all pixels or objects"}
    grids = []
    for scope, caption in captions.items():
        rows = [_row(name_of(name), e) for own, _, name, e in _numbers(found) if own == scope]
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
        rows = [_row(name_of(name), entry) for name, entry in own["metrics"].items()]
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
        for _, label, name, entry in _numbers(found):
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
