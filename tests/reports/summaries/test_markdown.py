"""Markdown as markdown-it reads it."""

from __future__ import annotations

from typing import Any

from markdown_it import MarkdownIt

from brightfield.reports.render import render
from brightfield.reports.requirements.both import judged

Report = dict[str, Any]


def read(report: Report, *required: str) -> str:
    made = render(judged(report, required), "markdown")
    assert made.name == "report.md"
    return str(MarkdownIt().enable(["table", "strikethrough"]).render(made.content.decode()))


def test_outcomes_and_numbers_are_tables(reports: dict[str, Report]) -> None:
    page = read(reports["binary"], "auroc>=0.99", "n>=1")
    assert "<strong>1 of 2 requirements met</strong>" in page
    assert "<strong>not met</strong></td>\n<td><code>auroc&gt;=0.99</code>" in page
    assert page.count("<table>") == 2
    assert "<td>AUROC</td>" in page


def test_what_callers_wrote_is_shown_as_it_is(reports: dict[str, Report]) -> None:
    page = read(reports["hostile"], "n>=1")
    assert "<script" not in page
    assert page.count("<table>") == 2
    label = "a|b`c``d"
    report = reports["binary"]
    entry = {"label": label, "metrics": {"ap": report["metrics"]["auroc"]}}
    page = read({**report, "per_class": [entry]}, f"ap/{label}>=0.1")
    assert "a|b`c``d&gt;=0.1</code>" in page
