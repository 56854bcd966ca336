"""Predictions as CSV: a header and a line for each row."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from brightfield.errors import InvalidRows, MalformedTable, UnknownParameter, suggestions
from brightfield.metrics.reading.columns import ScoreColumns, Text

CSV_COLUMNS = ("truth", "score", "prediction", "group", "id")
"""Columns that are known; scores of several classes are `score:<label>`."""

_SCORE = "score:"


def read_csv(data: bytes) -> dict[str, Any]:
    """The columns under the names that JSON has for them; commas or semicolons separate.

    Raises `MalformedTable` for what is no CSV in UTF-8, `InvalidRows` for a line of another
    length, and `UnknownParameter` for a column that is not known.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedTable("The CSV is not in UTF-8; save it as UTF-8.") from None
    first = text[: text.find("\n") if "\n" in text else None]
    delimiter = ";" if ";" in first and "," not in first else ","
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as fault:
        raise MalformedTable(f"The CSV cannot be parsed: {fault}.") from None
    lines = [line for line in lines if line]
    if not lines:
        raise MalformedTable("The CSV is empty; its first line names the columns.")
    header = [name.strip() for name in lines[0]]
    for row, line in enumerate(lines[1:]):
        if len(line) != len(header):
            raise InvalidRows(
                f"Row {row} has {len(line)} fields and the header {len(header)}.",
                errors=[{"location": str(row), "row": row, "expected": len(header)}],
            )
    columns = [Text(column) for column in zip(*lines[1:], strict=True)]
    columns = columns or [Text() for _ in header]
    if len(set(header)) < len(header):
        raise MalformedTable("The header of the CSV names a column twice.")
    return gathered(dict(zip(header, columns, strict=True)))


def gathered(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns by the names that JSON has for them: `score` becomes `scores`, and so on."""
    found: dict[str, Any] = {}
    classes = {
        name.removeprefix(_SCORE): column
        for name, column in columns.items()
        if name.startswith(_SCORE)
    }
    for name, column in columns.items():
        if name in CSV_COLUMNS:
            found[name if name == "truth" else f"{name}s"] = column
        elif not name.startswith(_SCORE):
            known = [*CSV_COLUMNS, f"{_SCORE}<label>"]
            raise UnknownParameter(
                f"There is no column {name!r}.{suggestions(name, known)}",
                errors=[{"location": name}],
            )
    if classes:
        if "scores" in found:
            raise InvalidRows("There is a column `score` and some `score:<label>`; send either.")
        found["scores"] = ScoreColumns(tuple(classes), tuple(classes.values()))
    return found
