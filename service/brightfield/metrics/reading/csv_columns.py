"""Predictions as CSV: a header and a line for each row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from brightfield.errors import (
    InvalidRows,
    MalformedTable,
    TooManyValues,
)
from brightfield.metrics.reading.columns import ScoreColumns, Text

CSV_COLUMNS = ("truth", "score", "prediction", "group", "id")
"""Columns that are known; scores of several classes are `score:<label>`, labels of rows that have
any number of them `truth:<label>` and `prediction:<label>`."""

# Of these each label may have a column of its own, as `score:<label>`.
_OF_LABELS = ("truth", "score", "prediction")
# Classes that are told apart, and the other columns.
_MOST_COLUMNS = 1000 + len(CSV_COLUMNS)
# A field takes Python some 60 bytes, and a quarter of a microsecond.
_MOST_FIELDS = 2_500_000
_ROWS = 4096  # at a time


def read_csv(data: bytes) -> dict[str, Any]:
    """The columns under the names that JSON has for them; commas, semicolons or tabs separate.

    Fields are counted before they are read, and columns when the first line has been read.

    Raises `MalformedTable` for what is no CSV in UTF-8, `InvalidRows` for a line of another
    length, and `TooManyValues` for more fields than are read.
    """
    end = data.find(b"\n")
    first = data if end < 0 else data[:end]
    delimiter = next((sign for sign in ",;\t" if sign.encode() in first), ",")
    _check_fields(data, first, delimiter.encode())
    # Read as it comes: as one text it would take four bytes a letter.
    stream = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline="")
    try:
        lines = csv.reader(stream, delimiter=delimiter, strict=True)
        header = next((line for line in lines if line), [])
        _check_columns(len(header))
        names = [name.strip() for name in header]
        return gathered(_columns(names, (line for line in lines if line)))
    except UnicodeDecodeError:
        raise MalformedTable("The CSV is not in UTF-8; save it as UTF-8.") from None
    except csv.Error as fault:
        raise MalformedTable(f"The CSV cannot be parsed: {fault}.") from None


def _check_fields(data: bytes, first: bytes, delimiter: bytes) -> None:
    _check_columns(first.count(delimiter) + 1)
    count = data.count(delimiter) + data.count(b"\n") + data.count(b"\r")
    if count > _MOST_FIELDS:
        raise TooManyValues(
            f"The CSV has about {count:,} fields, and at most {_MOST_FIELDS:,} are read; send it "
            "in chunks of a run, or as NPZ."
        )


def _check_columns(count: int) -> None:
    if count > _MOST_COLUMNS:
        raise MalformedTable(
            f"The first line of the CSV names {count:,} columns, and there are at most "
            f"{_MOST_COLUMNS:,}: {', '.join(CSV_COLUMNS)} and a score for each class."
        )


def _columns(header: list[str], rows: Iterator[list[str]]) -> dict[str, Text]:
    """Some rows at a time: turned round all at once they would hold the interpreter's lock."""
    if not header:
        raise MalformedTable("The CSV is empty; its first line names the columns.")
    if len(set(header)) < len(header):
        raise MalformedTable("The header of the CSV names a column twice.")
    columns, first = [Text() for _ in header], 0
    while some := list(islice(rows, _ROWS)):
        _check_lengths(some, len(header), first)
        for column, values in zip(columns, zip(*some, strict=True), strict=True):
            column.extend(values)
        first += len(some)
    return dict(zip(header, columns, strict=True))


def _check_lengths(rows: list[list[str]], width: int, first: int) -> None:
    for row, line in enumerate(rows, first):
        if len(line) != width:
            raise InvalidRows(
                f"Row {row} has {len(line)} fields and the header {width}.",
                errors=[{"location": str(row), "row": row, "expected": width}],
            )


def gathered(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns by the names that JSON has for them: `score` becomes `scores`, and so on; others are
    among `columns`."""
    found: dict[str, Any] = {}
    others: dict[str, Any] = {}
    of_labels: dict[str, dict[str, Any]] = {}
    for name, column in columns.items():
        kind, _, label = name.partition(":")
        if name in CSV_COLUMNS:
            found[_member(name)] = column
        elif kind in _OF_LABELS and label:
            of_labels.setdefault(kind, {})[label] = column
        else:
            others[name] = column
    if others:
        found["columns"] = others
    for kind, own in of_labels.items():
        if _member(kind) in found:
            raise InvalidRows(f"There is a column `{kind}` and some `{kind}:<label>`; send either.")
        found[_member(kind)] = ScoreColumns(tuple(own), tuple(own.values()))
    return found


def _member(name: str) -> str:
    return name if name == "truth" else f"{name}s"
