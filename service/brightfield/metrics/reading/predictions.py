"""Columns of a classification with known types, incomplete rows still among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import MissingValues
from brightfield.metrics.reading.groups import Groups, dense
from brightfield.metrics.reading.rows import ONE_CALL, Excluded, MissingReason, Origin, Rows
from brightfield.metrics.reading.texts import order_of
from brightfield.metrics.statistics.resampling import Codes

_LISTED = 10_000  # rows that are left out and named; the others are counted

# A row has the first of them that holds; their places count from 1.
_REASONS: tuple[MissingReason, ...] = (
    "missing_truth",
    "missing_score",
    "infinite_score",
    "missing_prediction",
    "missing_group",
)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is known of n rows; classes are codes, -1 where one is missing, a missing score NaN.

    `scores` are (n,) of the positive class, or (n, k).
    """

    labels: tuple[str, ...]
    truth: Codes
    scores: NDArray[np.float64] | None
    predictions: Codes | None
    groups: Groups | None
    ids: tuple[str, ...] | None
    origin: Origin = ONE_CALL
    by: Mapping[str, Groups] = field(default_factory=dict)
    """Columns by whose values there are numbers."""

    @property
    def n(self) -> int:
        return int(self.truth.size)

    @property
    def blank(self) -> bool:
        """Whether every score is missing, and with it how many a row should have."""
        scores = self.scores
        return scores is not None and scores.ndim == 1 and bool(np.isnan(scores).all())

    def rows(self, missing: str) -> Rows:
        """The rows that can be counted, in canonical order; the others are in `excluded`.

        Raises `MissingValues` where there are others and `missing` is `refuse`.
        """
        reasons = self._reasons()
        left_out: list[int] = np.flatnonzero(reasons).tolist()
        if self.ids is not None:
            by_id = order_of([self.ids[place] for place in left_out])
            left_out = [left_out[place] for place in by_id.tolist()]
        excluded = [self._left_out(at, _REASONS[reasons[at] - 1]) for at in left_out[:_LISTED]]
        if excluded and missing == "refuse":
            raise missing_values(excluded, len(left_out))
        groups = None if self.groups is None else self.groups.codes
        rows = Rows(
            self.labels,
            self.truth,
            self.scores,
            self.predictions,
            groups,
            self.ids,
            None,
            tuple(excluded),
            len(left_out),
            self.origin,
            by=self.by,
        )
        if excluded:
            rows = rows.taken(np.flatnonzero(reasons == 0))
            rows = replace(rows, groups=None if rows.groups is None else dense(rows.groups))
        return rows.canonical()

    def _left_out(self, place: int, reason: MissingReason) -> Excluded:
        return self.origin.excluded(place, reason, None if self.ids is None else self.ids[place])

    def _reasons(self) -> NDArray[np.int8]:
        """(n,) places in `_REASONS`, 0 for a complete row."""
        found = np.zeros(self.n, np.int8)
        if self.groups is not None:
            found[self.groups.codes < 0] = _place("missing_group")
        if self.predictions is not None:
            found[self.predictions < 0] = _place("missing_prediction")
        if self.scores is not None and not np.isfinite(self.scores).all():
            across = self.scores if self.scores.ndim == 2 else self.scores[:, None]
            found[np.isinf(across).any(axis=1)] = _place("infinite_score")
            found[np.isnan(across).any(axis=1)] = _place("missing_score")
        found[self.truth < 0] = _place("missing_truth")
        return found


def _place(reason: MissingReason) -> int:
    return _REASONS.index(reason) + 1


def missing_values(excluded: Sequence[Excluded], count: int | None = None) -> MissingValues:
    """The refusal of rows that lack something; `count` where they are not all of them."""
    first = excluded[0]
    return MissingValues(
        f"{count or len(excluded)} rows lack something, first row {first.row} ({first.reason}); "
        "complete them, or let missing=exclude leave them out.",
        errors=[
            {"location": str(entry.row), "row": entry.row, "received": entry.reason}
            for entry in excluded[:100]
        ],
    )
