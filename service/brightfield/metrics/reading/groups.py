"""A column of names, as of patients or sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brightfield.metrics.reading.texts import order_of
from brightfield.metrics.statistics.resampling import Codes


@dataclass(frozen=True, eq=False)
class Groups:
    """(n,) which of the `names`, sorted, each row belongs to; -1 where that is missing."""

    codes: Codes
    names: tuple[str, ...]

    @classmethod
    def of(cls, column: Sequence[str | None]) -> Groups:
        """From a name for each row."""
        known = list({name for name in column if name is not None})
        names = tuple(known[place] for place in order_of(known).tolist())
        place: dict[str | None, int] = {name: code for code, name in enumerate(names)}
        codes = np.fromiter((place.get(name, -1) for name in column), np.int64, len(column))
        return cls(codes, names)

    def taken(self, rows: Codes) -> Groups:
        """The rows of these places, in their order."""
        return Groups(self.codes[rows], self.names)


def dense(codes: Codes) -> Codes:
    """The codes without those that no row has any more."""
    known = np.bincount(codes, minlength=1) > 0
    return np.asarray((np.cumsum(known) - 1)[codes])
