"""Rows of which each has any number of labels, in canonical order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter
from brightfield.metrics.reading.by_columns import COLUMNS, read_columns, wanted_columns
from brightfield.metrics.reading.columns import ScoreColumns, names, same_length, score_table
from brightfield.metrics.reading.groups import Groups, dense
from brightfield.metrics.reading.label_columns import Indicators, LabelColumn
from brightfield.metrics.reading.predictions import LISTED, missing_values
from brightfield.metrics.reading.reading import checked_ids
from brightfield.metrics.reading.rows import ONE_CALL, Excluded, MissingReason, Origin, digest
from brightfield.metrics.reading.texts import order_of
from brightfield.metrics.statistics.resampling import Codes

_MOST_LABELS = 1000
_REASONS: tuple[MissingReason, ...] = (
    *("missing_truth", "missing_score", "infinite_score"),
    *("missing_prediction", "missing_group"),
)


@dataclass(frozen=True, eq=False)
class LabelRows:
    """(n, k) true and predicted labels as 0 and 1, and scores; one of the latter two may be None.

    Incomplete rows are among them until `complete`; then `excluded` has the first of `excluded_n`.
    """

    labels: tuple[str, ...]
    truth: Indicators
    scores: NDArray[np.float64] | None
    predictions: Indicators | None
    groups: Groups | None
    ids: tuple[str, ...] | None
    places: Codes
    by: Mapping[str, Groups] = field(default_factory=dict)
    origin: Origin = ONE_CALL
    excluded: tuple[Excluded, ...] = ()
    excluded_n: int = 0

    @property
    def n(self) -> int:
        return len(self.truth)

    @property
    def codes(self) -> Codes | None:
        """The groups as codes without gaps."""
        return None if self.groups is None else dense(self.groups.codes)

    @property
    def group_count(self) -> int | None:
        """How many groups the rows are of, None where there are no groups."""
        return None if self.groups is None else len(set(self.groups.codes.tolist()))

    def taken(self, rows: Codes) -> LabelRows:
        """The rows of these places, in their order."""
        return replace(
            self,
            truth=self.truth[rows],
            scores=None if self.scores is None else self.scores[rows],
            predictions=None if self.predictions is None else self.predictions[rows],
            groups=None if self.groups is None else self.groups.taken(rows),
            ids=None if self.ids is None else tuple(self.ids[row] for row in rows.tolist()),
            places=self.places[rows],
            by={name: column.taken(rows) for name, column in self.by.items()},
        )

    def complete(self, missing: str) -> LabelRows:
        """The rows that can be counted, by id, else by truth, scores, predictions and group.

        Raises `MissingValues` where there are others and `missing` is `refuse`.
        """
        reasons = self._reasons()
        left_out = np.flatnonzero(reasons)
        if self.ids is not None:
            left_out = left_out[order_of([self.ids[row] for row in left_out.tolist()])]
        excluded = [
            self.origin.excluded(row, _REASONS[reasons[row] - 1], self._id(row))
            for row in left_out[:LISTED].tolist()
        ]
        if excluded and missing == "refuse":
            raise missing_values(excluded, left_out.size)
        kept = self.taken(np.flatnonzero(reasons == 0))
        kept = replace(kept, excluded=tuple(excluded), excluded_n=int(left_out.size))
        return kept.taken(kept._order())

    def _id(self, row: int) -> str | None:
        return None if self.ids is None else self.ids[row]

    def _reasons(self) -> NDArray[np.int8]:
        """(n,) places in `_REASONS` from 1 on, 0 for a complete row; the first that holds."""
        faults: list[tuple[MissingReason, NDArray[np.bool_]]] = []
        if self.groups is not None:
            faults.append(("missing_group", self.groups.codes < 0))
        if self.predictions is not None:
            faults.append(("missing_prediction", _any(np.isnan(self.predictions))))
        if self.scores is not None:
            faults.append(("infinite_score", _any(np.isinf(self.scores))))
            faults.append(("missing_score", _any(np.isnan(self.scores))))
        faults.append(("missing_truth", _any(np.isnan(self.truth))))
        found = np.zeros(self.n, np.int8)
        for reason, rows in faults:
            found[rows] = _REASONS.index(reason) + 1
        return found

    def _order(self) -> Codes:
        if self.ids is not None:
            return order_of(self.ids)
        return np.lexsort(self._table.T[::-1])

    @property
    def _table(self) -> NDArray[np.float64]:
        parts = [self.truth, self.scores, self.predictions]
        groups = [] if self.groups is None else [self.groups.codes.astype(np.float64)[:, None]]
        return np.column_stack([*(part for part in parts if part is not None), *groups])

    def document(self) -> dict[str, Any]:
        """The rows as JSON has them, in the order in which they came."""
        optional = {"scores": self.scores, "predictions": self.predictions}
        tables = {name: table.tolist() for name, table in optional.items() if table is not None}
        found = {"truth": self.truth.tolist(), **tables}
        if self.groups is not None:
            found["groups"] = self.groups.texts
        if self.ids is not None:
            found["ids"] = list(self.ids)
        columns = {name: column.texts for name, column in self.by.items() if name != "group"}
        return {**found, COLUMNS: columns} if columns else found

    def sha256(self) -> str:
        """Of the rows as little-endian float64: truth, scores, predictions and group."""
        return digest(self._table)

    def names(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """What a reader knows these rows by: their ids, or their places."""
        if self.ids is not None:
            return [{"id": self.ids[row]} for row in rows]
        return [self.origin.name(int(self.places[row])) for row in rows]


def _any(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(cells.any(axis=1))


def read_label_rows(
    data: Mapping[str, Any],
    labels: tuple[str, ...] | None,
    by: Sequence[str] | None,
    *,
    alone: bool,
) -> LabelRows:
    """The rows as they came. `alone` says that there are no others, whose labels these do not tell.

    Raises `InvalidRows`, `InvalidParameter`.
    """
    wanted_columns(data, by)
    given = {name: column for name, column in data.items() if column is not None}
    if "truth" not in given or not ("scores" in given or "predictions" in given):
        raise InvalidParameter("Send `truth` and `scores`, or `truth` and `predictions`.")
    known = [
        LabelColumn.of(given[name], name) for name in ("truth", "predictions") if name in given
    ]
    scores = _scores(given.get("scores"))
    columns = given.get("scores")
    own = columns.labels if isinstance(columns, ScoreColumns) else None
    chosen = _labels(known, labels, own, None if scores is None else scores.shape[1], alone)
    tables = {column.name: column.indicators(chosen) for column in known}
    if scores is not None and not len(scores):
        scores = np.zeros((0, len(chosen)))
    if scores is not None and scores.shape[1] != len(chosen):
        raise InvalidParameter(
            f"There are {len(chosen)} labels and scores of {scores.shape[1]}; send a score for "
            "each label.",
            errors=[{"location": "scores", "expected": len(chosen)}],
        )
    ids, groups = (names(given[n], n) if n in given else None for n in ("ids", "groups"))
    every = {**tables, "scores": scores, "ids": ids, "groups": groups}
    count = same_length({name: column for name, column in every.items() if column is not None})
    return LabelRows(
        chosen,
        tables["truth"],
        scores,
        tables.get("predictions"),
        None if groups is None else Groups.of(groups),
        checked_ids(ids),
        np.arange(count),
        read_columns(data, by, count),
    )


def _scores(values: Any) -> NDArray[np.float64] | None:
    if values is None:
        return None
    found = score_table(values, "scores")
    return found if found.ndim == 2 else found[:, None]


def _labels(
    columns: Sequence[LabelColumn],
    labels: tuple[str, ...] | None,
    of_scores: tuple[str, ...] | None,
    width: int | None,
    alone: bool,
) -> tuple[str, ...]:
    """The labels as they were named, else numbers or, of names in rows alone, the names."""
    named = {own for own in (labels, of_scores, *(column.names for column in columns)) if own}
    if len(named) > 1:
        shown = " and ".join(", ".join(own) for own in sorted(named))
        raise InvalidParameter(f"The labels are {shown}; name them alike, in one order.")
    widths = [column.width for column in columns if column.width is not None]
    texts = sorted(set().union(*(column.texts for column in columns)))
    if named:
        found = next(iter(named))
    elif widths and not texts:
        found = tuple(str(number) for number in range(widths[0]))
    elif not alone or width is not None or not texts:
        raise InvalidParameter(
            "Nobody says which labels there are and which score is for which; name all with "
            "`labels`.",
            errors=[{"location": "labels", "received": texts[:5]}],
        )
    else:
        found = tuple(texts)
    if len(set(found)) < len(found) or not 1 <= len(found) <= _MOST_LABELS:
        raise InvalidParameter(
            f"There are {len(found)} labels; 1 to {_MOST_LABELS} different ones are needed."
        )
    return found
