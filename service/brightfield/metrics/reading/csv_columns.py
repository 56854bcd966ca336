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
"""Columns that are known; scores of several classes are `score:<label>`."""

_SCORE = "score:"
# Classes that are told apart, and the other columns.
_MOST_COLUMNS = 1000 + len(CSV_COLUMNS)
# A field takes Python some 60 bytes, and a quarter of a microsecond.
_MOST_FIELDS = 2_500_000
_ROWS = 4096  # at a time


def read_csv(data: bytes) -> dict[str, Any]:
    """The columns under the names that JSON has for them; commas or semicolons separate.

    Fields are counted before they are read, and columns when the first line has been read.

    Raises `MalformedTable` for what is no CSV in UTF-8, `InvalidRows` for a line of another
    length, and `TooManyValues` for more fields than are read.
    """
    end = data.find(b"\n")
    first = data if end < 0 else data[:end]
    delimiter = ";" if b";" in first and b"," not in first else ","
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
    classes = {
        name.removeprefix(_SCORE): column
        for name, column in columns.items()
        if name.startswith(_SCORE)
    }
    for name, column in columns.items():
        if name in CSV_COLUMNS:
            found[name if name == "truth" else f"{name}s"] = column
        elif not name.startswith(_SCORE):
            others[name] = column
    if others:
        found["columns"] = others
    if classes:
        if "scores" in found:
            raise InvalidRows("There is a column `score` and some `score:<label>`; send either.")
        found["scores"] = ScoreColumns(tuple(classes), tuple(classes.values()))
    return found
