"""What both forms of a summary say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from brightfield.reports.facts import facts, heading, kind
from brightfield.reports.report import Number, Report, numbers
from brightfield.reports.requirements.judging import Judged
from brightfield.reports.sentences import sentences
from brightfield.reports.text import plain
from brightfield.reports.wording import interval, method, name_of, shown


@dataclass(frozen=True, slots=True)
class Summary:
    """A report or comparison in short; `n` is what it counts, and `rows` are under `columns`."""

    title: str
    kind: str
    n: int
    facts: Sequence[tuple[str, str]]
    headlines: Sequence[str]
    requirements: Sequence[Judged]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    warnings: Sequence[str]

    @classmethod
    def of_report(cls, report: Report, title: str | None) -> Summary:
        """The numbers over all cases and those that are pooled; those of classes are left out."""
        return cls(
            heading(report, title),
            kind(report),
            report["n"],
            facts(report),
            sentences(report),
            report.get("requirements", ()),
            ("Metric", "Value", "Interval", "Method, or reason", "n"),
            [_row(each, report.get("unit")) for each in numbers(report) if each.scope != "class"],
            [plain(warning["detail"], 1000) for warning in report["warnings"]],
        )


def _row(number: Number, unit: str | None) -> list[str]:
    entry = number.entry
    name = name_of(number.name, unit) + (", pooled" if number.scope == "pooled" else "")
    return [name, shown(entry["value"]), interval(entry), method(entry), f"{entry['n']:,}"]


def verdict(requirements: Sequence[Judged]) -> str:
    """`2 of 3 requirements met`."""
    met = sum(each["outcome"] == "met" for each in requirements)
    return f"{met} of {len(requirements)} requirements met"
