"""Columns of predictions as they come, in JSON, CSV or NPZ, made into typed arrays.

A wrong type, length or label is `InvalidRows` with the row. Missing is null, NaN or, in text, an
empty field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidRows
from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.resampling import Codes

_NO_NUMBER = frozenset({"", "nan", "na", "null"})
_SHOWN = 60
_FEW = 1_000_000  # a span of integers that is counted rather than sorted


class Text(list[str]):
    """A column of CSV: every value is text, also where it means a number."""


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """Scores by class: columns `score:<label>` of CSV or NPZ."""

    labels: tuple[str, ...]
    columns: tuple[Any, ...]


def wrong_row(name: str, row: int, expected: str, received: Any) -> InvalidRows:
    """The error about one value."""
    shown = repr(received)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return InvalidRows(
        f"`{name}` of row {row} is {shown}: {expected}.",
        errors=[{"location": f"{name}.{row}", "row": row, "expected": expected, "received": shown}],
    )


def same_length(columns: dict[str, Any]) -> int:
    """The number of rows of all columns. Raises `InvalidRows` where they differ."""
    sizes = {name: len(column) for name, column in columns.items()}
    (first, size), *others = sizes.items()
    for name, count in others:
        if count != size:
            row = min(count, size)
            raise InvalidRows(
                f"`{first}` has {size} rows and `{name}` has {count}: row {row} has only one of "
                "them. Send columns of one length.",
                errors=[{"location": name, "row": row, "expected": size, "received": count}],
            )
    return size


def numbers(values: Any, name: str) -> NDArray[np.float64]:
    """(n,) float64, NaN where a value is missing."""
    if isinstance(values, Text):
        return _parsed(values, name)
    if isinstance(values, np.ndarray):
        if values.ndim != 1 or values.dtype.kind not in "iuf":
            raise _no_column(name, "numbers")
        return np.add(values, 0.0, dtype=np.float64)
    if not isinstance(values, list):
        raise _no_column(name, "numbers")
    _check_types(values, name, (int, float), "a number or null is expected")
    try:
        return _in_parts(values, lambda part: np.array(part, np.float64))
    except OverflowError:
        raise InvalidRows(f"`{name}` holds an integer beyond what float64 can hold.") from None


def score_table(values: Any, name: str) -> NDArray[np.float64]:
    """(n,) or (n, k) float64 of scores, NaN where one is missing.

    A row that is null is missing as a whole.
    """
    if isinstance(values, ScoreColumns):
        labels = zip(values.labels, values.columns, strict=True)
        columns = {f"score:{label}": column for label, column in labels}
        same_length(columns)
        return np.column_stack([numbers(column, key) for key, column in columns.items()])
    if isinstance(values, np.ndarray) and values.ndim == 2:
        if values.dtype.kind not in "iuf":
            raise _no_column(name, "numbers")
        return values.astype(np.float64) + 0.0
    if isinstance(values, list) and not isinstance(values, Text) and any(_lists(values)):
        return _nested(values, name)
    return numbers(values, name)


@dataclass(frozen=True, slots=True, eq=False)
class ClassColumn:
    """A column of classes: its different values, and for each row which of them it has."""

    name: str
    different: list[Any]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, values: Any, name: str) -> ClassColumn:
        """Raises `InvalidRows` for what is no such column."""
        different, places = _classes(values, name)
        return cls(name, different, places)

    def __len__(self) -> int:
        return int(self.places.size)

    def known(self) -> list[Any]:
        """The different values without the missing ones."""
        return [value for value in self.different if not is_missing(value)]

    def codes(self, code_of: Callable[[Any], int | None]) -> Codes:
        """(n,) codes, -1 where one is missing.

        `code_of` gives a value's code, or None for one that is no class.
        """
        found = [-1 if is_missing(value) else code_of(value) for value in self.different]
        unknown = [index for index, code in enumerate(found) if code is None]
        if unknown:
            row = int(np.flatnonzero(np.isin(self.places, unknown))[0])
            value = self.different[self.places[row]]
            raise wrong_row(self.name, row, "there is no such label or class number", value)
        if found == list(range(len(found))):
            return self.places
        return np.array(found, np.int64)[self.places]


def names(values: Any, name: str) -> list[str | None]:
    """Ids or groups as text, None where one is missing."""
    if isinstance(values, np.ndarray):
        if values.ndim != 1 or values.dtype.kind not in "iufUS":
            raise _no_column(name, "texts or integers")
        values = _plain(values)
    if not isinstance(values, list):
        raise _no_column(name, "texts or integers")
    if not isinstance(values, Text):
        values = [_integral(value) for value in values]
        _check_types(values, name, (int, str), "a text or an integer is expected")
    return [None if is_missing(value) else str(value) for value in values]


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: null, NaN, or an empty text."""
    return value is None or value == "" or _is_nan(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def class_text(value: Any) -> str:
    """A class as text: True and 1.0 are "1"."""
    return str(int(value)) if isinstance(value, bool | int | float) else str(value)


def _classes(values: Any, name: str) -> tuple[list[Any], NDArray[np.int64]]:
    """The different values, and for each row which of them it has."""
    if isinstance(values, np.ndarray):
        if values.ndim != 1 or values.dtype.kind not in "biufUS":
            raise _no_column(name, "labels or class numbers")
        unique, places = _distinct_numbers(values)
        different = _plain(unique)
    elif isinstance(values, list):
        if not isinstance(values, Text):
            expected = "a label or a class number is expected"
            _check_types(values, name, (int, float, str, bool), expected)
        # NaN equals nothing, not even itself: one None stands for all.
        known: dict[Any, None] = {}
        for own in blocks(len(values)):
            known.update(dict.fromkeys(values[own]))
        different = [value for value in known if not _is_nan(value)]
        index = {value: place for place, value in enumerate(different)}
        missing = len(different)
        different = [*different, None]
        places = np.fromiter((index.get(v, missing) for v in values), np.int64, len(values))
    else:
        raise _no_column(name, "labels or class numbers")
    _check_integral(different, places, name)
    return different, places


def _distinct_numbers(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """As np.unique with the inverse, but without sorting where there are few integers."""
    if values.dtype.kind in "iu" and values.size:
        low, high = int(values.min()), int(values.max())
        if high - low < _FEW:
            wide = values if values.dtype.kind == "u" else values.astype(np.int64, copy=False)
            shifted = wide - wide.dtype.type(low) if low else wide
            shifted = shifted.astype(np.int64, copy=False)
            known = np.bincount(shifted) > 0
            unique = np.flatnonzero(known).astype(wide.dtype) + wide.dtype.type(low)
            return unique, shifted if known.all() else (np.cumsum(known) - 1)[shifted]
    return np.unique(values, return_inverse=True)


def _check_integral(different: Sequence[Any], places: NDArray[np.int64], name: str) -> None:
    for index, value in enumerate(different):
        if isinstance(value, float) and not (_is_nan(value) or value.is_integer()):
            row = int(np.flatnonzero(places == index)[0])
            raise wrong_row(name, row, "a class number is an integer", value)


def _plain(values: NDArray[Any]) -> list[Any]:
    """Python's values; bytes as text."""
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    plain: list[Any] = values.tolist()
    return plain


def _integral(value: Any) -> Any:
    """Whole floats, as arrays with missing values have them, as integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_types(values: Iterable[Any], name: str, kinds: tuple[type, ...], expected: str) -> None:
    allowed = {*kinds, type(None)}
    if set(map(type, values)) <= allowed:
        return
    for row, value in enumerate(values):
        if type(value) not in allowed and not _is_nan(value):
            raise wrong_row(name, row, expected, value)


def _lists(values: list[Any]) -> Iterable[bool]:
    return (isinstance(value, list) for value in values)


def _nested(values: list[Any], name: str) -> NDArray[np.float64]:
    width = next(len(row) for row in values if isinstance(row, list))
    for index, row in enumerate(values):
        if row is not None and not (isinstance(row, list) and len(row) == width):
            raise wrong_row(name, index, f"a list of {width} numbers is expected", row)
    if not width:
        raise InvalidRows(f"The rows of `{name}` are empty.")
    full = [[None] * width if row is None else row for row in values]
    flat = list(chain.from_iterable(full))
    try:
        return numbers(flat, name).reshape(len(full), width)
    except InvalidRows as fault:
        if not fault.errors:
            raise
        row = int(fault.errors[0]["row"]) // width
        raise wrong_row(name, row, "numbers or null are expected", full[row]) from None


def _in_parts(
    values: list[Any], made: Callable[[list[Any]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """One column made of some values at a time: a single call for all of them would hold the
    interpreter's lock. -0.0 becomes 0.0."""
    column = np.empty(len(values))
    for own in blocks(len(values)):
        column[own] = made(values[own])
    return column + 0.0


def _parsed(values: Text, name: str) -> NDArray[np.float64]:
    try:
        return _in_parts(values, _floats)
    except ValueError:
        return np.array([_number(text, name, row) for row, text in enumerate(values)]) + 0.0


def _floats(part: list[str]) -> NDArray[np.float64]:
    # Python reads 1_0 as 10.
    if "_" in "".join(part):
        raise ValueError
    return np.fromiter(map(float, part), np.float64, len(part))


def _number(text: str, name: str, row: int) -> float:
    if text.strip().lower() in _NO_NUMBER:
        return float("nan")
    try:
        return float(_floats([text])[0])
    except ValueError:
        expected = "a number is expected"
        if "," in text:
            expected += ", with a point as the decimal mark"
        raise wrong_row(name, row, expected, text) from None


def _no_column(name: str, what: str) -> InvalidRows:
    return InvalidRows(
        f"`{name}` must be a column of {what}.",
        errors=[{"location": name, "expected": f"a column of {what}"}],
    )
