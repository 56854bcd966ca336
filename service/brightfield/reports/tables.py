"""The report as tables for spreadsheets and statistics programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brightfield.reports.report import Number, Report, classes, curve, level, numbers, parts

# What a spreadsheet reads as the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Columns with names, and rows; None is an empty cell."""

    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]

    def csv(self) -> bytes:
        """RFC 4180 in UTF-8 with a byte order mark, which tells spreadsheets the encoding.

        Numbers keep every digit. A text that a spreadsheet would run as a formula gets an
        apostrophe before it.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([_cell(name) for name in self.columns])
        writer.writerows([_cell(value) for value in row] for row in self.rows)
        return text.getvalue().encode("utf-8-sig", "replace")


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return str(value).lower() if isinstance(value, bool) else value


def _numbers(report: Report) -> ReportTable:
    """A row for each number of the report."""
    return ReportTable(_NUMBER, [_number_row(number, report) for number in numbers(report)])


_NUMBER = ("scope", "class", "metric", "value", "ci_low", "ci_high", "ci_level", "ci_method",
           "ci_clipped", "n", "undefined", "ci_undefined")  # fmt: skip


def _number_row(number: Number, report: Report) -> tuple[Any, ...]:
    entry = number.entry
    low, high = entry["ci"] or (None, None)
    known = None if entry["ci"] is None else level(report)
    return (number.scope, number.label, number.name, entry["value"], low, high, known,
            entry["method"], entry["clipped"], entry["n"], entry["undefined"],
            entry.get("ci_undefined"))  # fmt: skip


def _by(report: Report) -> ReportTable | None:
    """A row for each number of each value of a column."""
    rows = [
        (part["column"], part["value"], *_number_row(number, report))
        for part in parts(report)
        for number in numbers(part)
    ]
    return ReportTable(("column", "of", *_NUMBER), rows) if rows else None


def _confusion(report: Report) -> ReportTable | None:
    """Truth in rows, predictions in columns."""
    found = report.get("confusion")
    if not found or found["counts"] is None:
        return None
    labels = [str(label) for label in found["labels"]]
    rows = [(label, *row) for label, row in zip(labels, found["counts"], strict=True)]
    return ReportTable(("truth", *labels), rows)


def _thresholds(report: Report) -> ReportTable | None:
    """The four counts at each threshold, and the shares that follow from them."""
    found = curve(report, "thresholds")
    if found is None:
        return None
    names = ("threshold", "tp", "fp", "tn", "fn")
    counts = zip(*(found[name] for name in names), strict=True)
    rows = [(*row, *shares(*row[1:])) for row in counts]
    return ReportTable((*names, "sensitivity", "specificity", "ppv", "npv"), rows)


def shares(tp: int, fp: int, tn: int, fn: int) -> tuple[float | None, ...]:
    """Sensitivity, specificity, PPV and NPV; None is a share of nothing."""
    parts = ((tp, tp + fn), (tn, tn + fp), (tp, tp + fp), (tn, tn + fn))
    return tuple(part / whole if whole else None for part, whole in parts)


def _roc(report: Report) -> ReportTable | None:
    return _by_class(report, "roc", ("fpr", "tpr", "thresholds"))


def _pr(report: Report) -> ReportTable | None:
    if report["task"] == "detection":
        return _pr_of_boxes(report)
    return _by_class(report, "pr", ("recall", "precision", "thresholds"))


def _by_class(report: Report, name: str, parts: Sequence[str]) -> ReportTable | None:
    """The points of a curve, and those of each class; the class is empty for all together."""
    found = [
        ("", curve(report, name)),
        *((str(c["label"]), curve(c, name)) for c in classes(report)),
    ]
    rows = [
        (label, *point)
        for label, points in found
        if points is not None
        for point in zip(*(points[part] for part in parts), strict=True)
    ]
    return ReportTable(("class", *parts), rows) if rows else None


def _pr_of_boxes(report: Report) -> ReportTable | None:
    found = [
        ("", curve(report, "pr")),
        *((str(c["label"]), curve(c, "pr")) for c in classes(report)),
    ]
    rows = [
        (label, iou, *point)
        for label, points in found
        if points is not None
        for iou, line in zip(points["iou"], points["precision"], strict=True)
        for point in zip(points["recall"], line, strict=True)
    ]
    return ReportTable(("class", "iou", "recall", "precision"), rows) if rows else None


def _calibration(report: Report) -> ReportTable | None:
    found = curve(report, "calibration")
    if found is None:
        return None
    edges = zip(found["edges"], found["edges"][1:], strict=False)
    parts = (found[name] for name in ("count", "mean_score", "fraction"))
    rows = [
        (*edge, *values, *(ci or (None, None)))
        for edge, *values, ci in zip(edges, *parts, found["ci"], strict=True)
    ]
    columns = ("low", "high", "count", "mean_score", "fraction", "ci_low", "ci_high")
    return ReportTable(columns, rows)


def _histogram(report: Report) -> ReportTable | None:
    found = curve(report, "histogram")
    if found is None:
        return None
    edges = found["edges"]
    rows = zip(edges, edges[1:], found["positives"], found["negatives"], strict=False)
    return ReportTable(("low", "high", "positives", "negatives"), list(rows))


def _cases(report: Report) -> ReportTable | None:
    return _of_entries(report.get("cases"))


def _partners(report: Report) -> ReportTable | None:
    return _of_entries(report.get("partners"))


def _worst(report: Report) -> ReportTable | None:
    return _of_entries(report["worst"])


def _excluded(report: Report) -> ReportTable | None:
    return _of_entries(report["excluded"])


def _requirements(report: Report) -> ReportTable | None:
    return _of_entries(report.get("requirements"))


def _of_entries(entries: Sequence[Mapping[str, Any]] | None) -> ReportTable | None:
    """A column for each name, in the order in which they come; lists and objects in words."""
    if not entries:
        return None
    columns = list(dict.fromkeys(name for entry in entries for name in entry))
    return ReportTable(
        columns, [[in_words(entry.get(name)) for name in columns] for entry in entries]
    )


def in_words(value: Any) -> Any:
    """A cell from a value that may be a list or an object."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {part}" for name, part in value.items())
    return "; ".join(str(part) for part in value) if isinstance(value, list | tuple) else value


TABLES: Mapping[str, Callable[[Report], ReportTable | None]] = {
    "numbers": _numbers,
    "by": _by,
    "confusion": _confusion,
    "thresholds": _thresholds,
    "roc": _roc,
    "pr": _pr,
    "histogram": _histogram,
    "calibration": _calibration,
    "cases": _cases,
    "partners": _partners,
    "worst": _worst,
    "excluded": _excluded,
    "requirements": _requirements,
}
"""Every table by its name; None if the report doesn't have it."""


def tables(report: Report) -> dict[str, ReportTable]:
    """The tables that the report has, by name."""
    found = {name: make(report) for name, make in TABLES.items()}
    return {name: table for name, table in found.items() if table is not None}
