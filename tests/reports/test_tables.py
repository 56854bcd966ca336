"""The tables: every number of the report is in them, as spreadsheets and pandas read it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pandas as pd
import pytest

from brightfield.reports.tables import TABLES, ReportTable, tables

Report = dict[str, Any]


def read(table: ReportTable) -> list[list[str]]:
    return list(csv.reader(io.StringIO(table.csv().decode("utf-8-sig"))))


def test_the_numbers_are_those_of_the_report(reports: dict[str, Report]) -> None:
    report = reports["several"]
    frame = pd.read_csv(io.BytesIO(tables(report)["numbers"].csv()))
    total = len(report["metrics"]) + sum(len(c["metrics"]) for c in report["per_class"])
    assert len(frame) == total
    row = frame[(frame["class"] == "class 2") & (frame.metric == "auroc")].iloc[0]
    entry = report["per_class"][2]["metrics"]["auroc"]
    assert (row.value, row.ci_low, row.ci_high) == (entry["value"], *entry["ci"])
    assert (row.scope, row.ci_level, row.ci_method, row.n) == ("class", 0.95, "delong", 300)


def test_numbers_by_a_column_are_those_of_its_values(reports: dict[str, Report]) -> None:
    report = reports["hostile"]
    frame = pd.read_csv(io.BytesIO(tables(report)["by"].csv()))
    assert len(frame) == sum(len(part["metrics"]) for part in report["by"])
    for part, name in zip(report["by"], frame["of"].unique(), strict=True):
        row = frame[(frame["of"] == name) & (frame.metric == "accuracy")].iloc[0]
        assert row.value == part["metrics"]["accuracy"]["value"]
        assert row.n == part["n"]


def test_what_is_undefined_is_empty_and_has_a_reason(reports: dict[str, Report]) -> None:
    rows = read(tables(reports["nothing"])["numbers"])
    head = rows[0]
    auroc = dict(zip(head, next(row for row in rows if row[2] == "auroc"), strict=True))
    assert (auroc["value"], auroc["ci_low"], auroc["undefined"]) == ("", "", "no_rows")


def test_every_table_of_every_report_is_rectangular(reports: dict[str, Report]) -> None:
    seen = set()
    for report in reports.values():
        for name, table in tables(report).items():
            rows = read(table)
            assert len({len(row) for row in rows}) == 1, name
            assert len(rows) > 1 or name == "numbers"
            seen.add(name)
    assert seen == set(TABLES)


def test_thresholds_have_the_shares_that_follow(reports: dict[str, Report]) -> None:
    report = reports["binary"]
    frame = pd.read_csv(io.BytesIO(tables(report)["thresholds"].csv()))
    at = frame[frame.threshold >= report["operating_point"]["threshold"]].iloc[-1]
    for name in ("sensitivity", "specificity", "ppv", "npv"):
        assert at[name] == pytest.approx(report["metrics"][name]["value"], abs=1e-15)


def test_a_confusion_has_the_truth_in_rows(reports: dict[str, Report]) -> None:
    report = reports["several"]
    rows = read(tables(report)["confusion"])
    assert rows[0] == ["truth", *report["labels"]]
    assert [int(cell) for cell in rows[2][1:]] == report["confusion"]["counts"][1]


def test_curves_of_boxes_have_every_iou(reports: dict[str, Report]) -> None:
    frame = pd.read_csv(io.BytesIO(tables(reports["boxes"])["pr"].csv()))
    assert len(frame) == 3 * 10 * 101
    assert frame["class"].fillna("").unique().tolist() == ["", "RBC", "WBC"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_text_is_never_a_formula(text: str) -> None:
    assert read(ReportTable((text,), [(text,), (-1.5,)])) == [[f"'{text}"], [f"'{text}"], ["-1.5"]]


def test_texts_that_are_no_unicode_are_written_all_the_same() -> None:
    assert ReportTable(("a",), [("x\ud800",)]).csv() == b"\xef\xbb\xbfa\r\nx?\r\n"
