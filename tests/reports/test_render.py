"""One function for every form of a report."""

from __future__ import annotations

from typing import Any

import pytest

from brightfield.errors import InvalidParameter
from brightfield.reports.render import render

Report = dict[str, Any]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "masks", "boxes", "images"])
def test_every_task_in_every_form(kind: str, reports: dict[str, Report]) -> None:
    starts = {"csv": b"\xef\xbb\xbfscope", "html": b"<!doctype html>", "svg": b"<?xml",
              "png": b"\x89PNG"}  # fmt: skip
    for form, start in starts.items():
        made = render(reports[kind], form)
        assert made.content.startswith(start)
        assert made.name.endswith(f".{form}")


def test_a_table_that_is_not_there_names_those_that_are(reports: dict[str, Report]) -> None:
    with pytest.raises(InvalidParameter, match=r"This report has no table 'roc'\. It has numbers"):
        render(reports["masks"], "csv", table="roc")
    with pytest.raises(InvalidParameter, match=r"There is no table 'confusoin'.*confusion"):
        render(reports["masks"], "csv", table="confusoin")
    assert render(reports["masks"], "csv", table="cases").name == "cases.csv"


@pytest.mark.parametrize(
    ("form", "given"),
    [("html", {"plot": "roc"}), ("json", {"plot": "roc"}), ("png", {"table": "numbers"}),
     ("csv", {"title": "A"})],
)  # fmt: skip
def test_what_has_no_use_is_refused(form: str, given: Any, reports: dict[str, Report]) -> None:
    with pytest.raises(InvalidParameter, match=f"not with {form}"):
        render(reports["binary"], form, **given)
