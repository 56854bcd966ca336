"""The columns by whose values a report has numbers (`by=site`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brightfield.errors import (
    InvalidParameter,
    InvalidRows,
    UnknownParameter,
    suggestions,
)
from brightfield.metrics.reading.columns import names
from brightfield.metrics.reading.csv_columns import CSV_COLUMNS
from brightfield.metrics.reading.groups import Groups

COLUMNS = "columns"
"""What the JSON calls the columns beside its own: an object of lists by name."""


def read_columns(
    data: Mapping[str, Any], by: Sequence[str] | None, count: int
) -> dict[str, Groups]:
    """The columns that `by` names, each with a value for every one of `count` rows or None.

    `group` is the column of groups; of no rows every column is there. Raises `UnknownParameter`
    for a column that nobody asks for, `InvalidParameter` where one that is asked for is not there,
    `InvalidRows` for another length.
    """
    given = wanted_columns(data, by)
    known = {**given, "group": data["groups"]} if data.get("groups") is not None else given
    return {name: Groups.of(_column(known, name, count)) for name in by or ()}


def sent_columns(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `columns` has, whoever asks for it. Raises `InvalidParameter` for anything but an
    object."""
    given = data.get(COLUMNS) or {}
    if not isinstance(given, Mapping):
        raise InvalidParameter(
            f"`{COLUMNS}` is an object of lists by name.", errors=[{"location": COLUMNS}]
        )
    return given


def wanted_columns(data: Mapping[str, Any], by: Sequence[str] | None) -> Mapping[str, Any]:
    """The columns beside those that every data set has. Raises as `read_columns`."""
    given = sent_columns(data)
    for name in given:
        if name not in (by or ()):
            raise UnknownParameter(
                f"There is no column {name!r}; send by={name} for numbers by its values."
                f"{suggestions(name, [*CSV_COLUMNS, *(by or ())])}",
                errors=[{"location": name}],
            )
    return given


def _column(known: Mapping[str, Any], name: str, count: int) -> list[str | None]:
    if name not in known and not count:
        return []
    if name not in known:
        found = f" The data has {', '.join(known)}." if known else ""
        raise InvalidParameter(
            f"by={name} names a column that the data has not; send it as a column of CSV or NPZ, "
            f"or in `{COLUMNS}` of JSON.{found}",
            errors=[{"location": "by", "received": name, "expected": list(known)}],
        )
    column = names(known[name], name)
    if len(column) != count:
        raise InvalidRows(
            f"The column {name!r} has {len(column)} values and there are {count} rows; send one "
            "for each row.",
            errors=[{"location": name, "row": min(len(column), count)}],
        )
    return column
