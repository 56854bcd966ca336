"""A summary in GitHub's Markdown, as for the summary of a job or a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from brightfield.reports.requirements.judging import Judged
from brightfield.reports.summaries.summary import Summary, verdict
from brightfield.reports.text import plain

_MEANING = re.compile(r"([\\`*_\[\]<|~&$])")
_OUTCOMES = {
    "met": "met",
    "not_met": "**not met**",
    "worse": "**worse**",
    "undefined": "**undefined**",
}


def markdown(summary: Summary) -> bytes:
    """Title, outcome of the requirements, main sentences, warnings, numbers, and what it rests
    on. What callers wrote is escaped."""
    return ("\n".join(_lines(summary)) + "\n").encode()


def _lines(summary: Summary) -> Iterator[str]:
    yield f"## {_text(summary.title)}"
    if summary.requirements:
        yield from ("", f"**{verdict(summary.requirements)}**", "")
        rows = [_required(each) for each in summary.requirements]
        yield from _table(("Outcome", "Requirement", "What was found"), rows)
    yield ""
    yield from (f"- {_text(sentence)}" for sentence in summary.headlines)
    for warning in summary.warnings:
        yield from ("", f"> **Warning:** {_text(warning)}")
    yield ""
    yield from _table(summary.columns, [[_text(cell) for cell in row] for row in summary.rows])
    yield ""
    yield "; ".join(f"{_text(name)}: {_text(value)}" for name, value in summary.facts)


def _required(each: Judged) -> list[str]:
    return [_OUTCOMES[each["outcome"]], _code(each["requirement"]), _text(each["detail"])]


def _code(text: str) -> str:
    """As code, between more backticks than it has in a row."""
    shown = plain(text, 300).replace("|", "\\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}" if len(fence) > 1 else f"`{shown}`"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _text(text: str) -> str:
    """With a backslash before what has a meaning in Markdown, so that it is shown as it is."""
    return _MEANING.sub(r"\\\1", text)
