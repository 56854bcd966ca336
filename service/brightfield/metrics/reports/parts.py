"""The same numbers for each value of a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from brightfield.images.picture import Note
from brightfield.metrics.reading.groups import Groups
from brightfield.metrics.statistics.resampling import Codes

MOST_VALUES = 100
"""Values of a column that have numbers of their own: those with the most rows."""

NumbersOf = Callable[[Codes], Mapping[str, Any]]
"""From the places of some rows or cases to their numbers, as JSON."""


def by_values(by: Mapping[str, Groups], numbers: NumbersOf) -> list[dict[str, Any]]:
    """An entry for each value of each column, in the order of the values' names."""
    return [
        {
            "column": column,
            "value": groups.names[code],
            **numbers(np.flatnonzero(groups.codes == code)),
        }
        for column, groups in by.items()
        for code in _largest(groups)
    ]


def _largest(groups: Groups) -> list[int]:
    counts = np.bincount(groups.codes[groups.codes >= 0], minlength=len(groups.names))
    order = np.argsort(-counts, kind="stable")[:MOST_VALUES]
    return sorted(code for code in order.tolist() if counts[code])


def by_notes(by: Mapping[str, Groups]) -> list[Note]:
    """Of rows that are in no part, and of values without numbers."""
    notes = []
    for column, groups in by.items():
        lacking, count = int((groups.codes < 0).sum()), len(set(groups.codes.tolist()) - {-1})
        if lacking:
            notes.append(
                Note(
                    "without_value",
                    f"{lacking:,} of {groups.codes.size:,} have no {column}: they count in the "
                    "report, and in none of its numbers by that column.",
                )
            )
        if count > MOST_VALUES:
            notes.append(
                Note(
                    "many_values",
                    f"The column {column} has {count:,} values; the {MOST_VALUES} most frequent "
                    "have numbers of their own.",
                )
            )
    return notes
