"""What a report is about: its title, and what it rests on."""

from __future__ import annotations

from brightfield.reports.report import Report, level
from brightfield.reports.tables import in_words
from brightfield.reports.text import plain
from brightfield.reports.wording import counted, percent

_KINDS = {
    "classification": "Evaluation of a classification",
    "segmentation": "Evaluation of a segmentation",
    "detection": "Evaluation of a detection",
    "restoration": "Evaluation of restored images",
}
_UNITS = {"classification": "case", "segmentation": "pair", "detection": "image"}


def kind(report: Report) -> str:
    """What kind of report it is."""
    return _KINDS[report["task"]]


def heading(report: Report, title: str | None) -> str:
    """The title, else the name of the run that the report is about, else its kind."""
    run = report.get("run") or {}
    return plain(title or run.get("name") or kind(report), 200)


def facts(report: Report) -> list[tuple[str, str]]:
    """What a report is about, and what it rests on."""
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
