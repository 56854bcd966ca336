"""Columns of labels: for each row which of several labels it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter
from brightfield.metrics.reading.columns import ScoreColumns, score_table, wrong_row

Indicators = NDArray[np.float64]
"""(n, k) float64: 1 for each label that a row has, 0 for others, NaN where it is missing."""

_EXPECTED = "a list of labels, or 0 and 1 for each label, is expected"


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """A column as it came: names of labels for each row (None where they are missing), or a table
    of 0 and 1, whose columns may have `names`. A table without rows is of any labels."""

    name: str
    sets: Sequence[Sequence[str] | None] | None
    table: Indicators | None
    names: tuple[str, ...] | None

    @classmethod
    def of(cls, values: Any, name: str) -> LabelColumn:
        """Raises `InvalidRows` for what is neither."""
        if isinstance(values, list) and any(map(_has_texts, values)):
            return cls(
                name, [_texts(row, name, place) for place, row in enumerate(values)], None, None
            )
        if isinstance(values, list) and not any(values):  # no row has any label
            return cls(name, values, None, None)
        table = _table(values, name)
        names = values.labels if isinstance(values, ScoreColumns) else None
        return cls(name, None, table, names)

    @property
    def width(self) -> int | None:
        """How many labels its table is of."""
        return None if self.table is None else self.table.shape[1]

    @property
    def texts(self) -> set[str]:
        """The labels that it names."""
        return {label for row in self.sets or () for label in row or ()}

    def indicators(self, labels: Sequence[str]) -> Indicators:
        """For these labels. Raises `InvalidRows` for a label that is none of them, and
        `InvalidParameter` for a table of another width."""
        if self.table is not None and len(self.table):
            if self.table.shape[1] != len(labels):
                raise InvalidParameter(
                    f"There are {len(labels)} labels, and `{self.name}` is of "
                    f"{self.table.shape[1]}; send a column for each label.",
                    errors=[{"location": self.name, "expected": len(labels)}],
                )
            return self.table
        places = {label: place for place, label in enumerate(labels)}
        found = np.zeros((len(self.sets or ()), len(labels)))
        for row, own in enumerate(self.sets or ()):
            if own is None:
                found[row] = np.nan
            for label in own or ():
                if label not in places:
                    raise wrong_row(self.name, row, "there is no such label", label)
                found[row, places[label]] = 1
        return found


def _has_texts(row: Any) -> bool:
    return isinstance(row, list | tuple) and any(isinstance(value, str) for value in row)


def _texts(row: Any, name: str, place: int) -> list[str] | None:
    if row is None:
        return None
    if not isinstance(row, list | tuple) or not all(isinstance(value, str) for value in row):
        raise wrong_row(name, place, "a list of labels is expected, as in other rows", row)
    return list(row)


def _table(values: Any, name: str) -> Indicators:
    if isinstance(values, np.ndarray) and values.dtype.kind == "b":
        values = values.astype(np.float64)
    if isinstance(values, list):
        values = [_numbers(row) for row in values]
    table = score_table(values, name)
    if table.ndim != 2:  # single numbers, not a list for each row
        raise wrong_row(name, 0, _EXPECTED, values[0])
    odd = np.argwhere(~(np.isnan(table) | (table == 0) | (table == 1)))
    if odd.size:
        place, column = odd[0].tolist()
        raise wrong_row(
            name, place, "0 or 1 is expected for each label", table[place, column].item()
        )
    return table


def _numbers(row: Any) -> Any:
    """True and False as 1 and 0."""
    if not isinstance(row, list | tuple):
        return row
    return [int(value) if isinstance(value, bool) else value for value in row]
