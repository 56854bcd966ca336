"""Rows of a classification in canonical order, so that how they came changes no number."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.reading.groups import Groups, dense
from brightfield.metrics.reading.texts import order_of
from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.resampling import Codes

MissingReason = Literal[
    "missing_truth",
    "missing_score",
    "infinite_score",
    "missing_prediction",
    "missing_group",
    "missing_image",
    "unreadable",
    "not_finite",
]


@dataclass(frozen=True, slots=True)
class Excluded:
    """A row that was left out, and why; `row` is its place in what was sent, from 0.

    In a run that is its place in a `chunk`; there an id, where it has one, names it alone.
    """

    row: int
    reason: MissingReason
    id: str | None = None
    chunk: str | None = None
    detail: str | None = None
    """What is wrong with it, of what cannot be read."""

    def json(self) -> dict[str, Any]:
        place: dict[str, Any] = {"row": self.row}
        if self.chunk is not None:
            place = {"chunk": self.chunk, **place} if self.id is None else {}
        known = place if self.id is None else {**place, "id": self.id}
        entry = {**known, "reason": self.reason}
        return entry if self.detail is None else {**entry, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows came from: of one call, or of chunks that lie one after the other."""

    keys: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()

    @classmethod
    def of(cls, sizes: Mapping[str, int]) -> Origin:
        """Chunks of so many rows each, in the order of their keys."""
        keys = tuple(sorted(sizes))
        starts = tuple(accumulate((sizes[key] for key in keys[:-1]), initial=0))
        return cls(keys, starts if keys else ())

    def start(self, key: str) -> int:
        """The place of a chunk's first row."""
        return self.starts[bisect_left(self.keys, key)]

    def name(self, place: int) -> dict[str, Any]:
        """What a row without an id is known by."""
        if not self.keys:
            return {"row": place}
        chunk = bisect_right(self.starts, place) - 1
        return {"chunk": self.keys[chunk], "row": place - self.starts[chunk]}

    def excluded(self, place: int, reason: MissingReason, row_id: str | None = None) -> Excluded:
        """A row that was left out."""
        name = self.name(place)
        return Excluded(name["row"], reason, row_id, name.get("chunk"))


ONE_CALL = Origin()
"""Rows that all came together."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What is known of n rows: (n,) true classes, and scores or predictions or both.

    `scores` are (n,) of the positive class, or (n, k); `groups` codes from 0 in the order of the
    groups' names; `places` where each row stood in what was sent, None for where it stands. Of the
    `excluded_n` rows that were left out, `excluded` has the first. `unsorted` are the rows before
    they were sorted by truth and score, where their places are sought when they are asked for; `by`
    are columns by whose values there are numbers.
    """

    labels: tuple[str, ...]
    truth: Codes
    scores: NDArray[np.float64] | None
    predictions: Codes | None
    groups: Codes | None
    ids: tuple[str, ...] | None
    places: Codes | None
    excluded: tuple[Excluded, ...] = ()
    excluded_n: int = 0
    origin: Origin = ONE_CALL
    unsorted: Rows | None = None
    by: Mapping[str, Groups] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return int(self.truth.size)

    @property
    def group_count(self) -> int | None:
        """How many groups the rows are of, None where there are no groups."""
        return None if self.groups is None else int(self.groups.max(initial=-1)) + 1

    def taken(self, order: NDArray[np.int64]) -> Rows:
        """The rows of these places, in their order."""

        def of(values: NDArray[Any] | None) -> Any:
            return None if values is None else values[order]

        ids = None if self.ids is None else tuple(self.ids[i] for i in order.tolist())
        sought = self.places is not None or self.unsorted is not None
        places = np.array(self._places(order.tolist()), np.int64) if sought else order
        return replace(
            self,
            truth=of(self.truth),
            scores=of(self.scores),
            predictions=of(self.predictions),
            groups=of(self.groups),
            ids=ids,
            places=places,
            unsorted=None,
            by={name: groups.taken(order) for name, groups in self.by.items()},
        )

    def part(self, order: NDArray[np.int64]) -> Rows:
        """Some rows alone, for their numbers; nobody asks for their names."""
        bare = replace(self, ids=None, places=None, unsorted=None, by={}, excluded=(), excluded_n=0)
        found = bare.taken(order)
        return replace(found, groups=None if found.groups is None else dense(found.groups))

    def canonical(self) -> Rows:
        """The same rows by id, or by truth, scores, prediction and group where they have none."""
        alone = self.predictions is None and self.groups is None and self.ids is None
        if alone and not self.by and self.scores is not None and self.scores.ndim == 1:
            return self._sorted(self.scores)
        return self.taken(self._order())

    def _sorted(self, scores: NDArray[np.float64]) -> Rows:
        """By truth and score alone. Sorting values takes a fifth of the time of sorting places."""
        truth, ordered = np.empty_like(self.truth), np.empty_like(scores)
        start = 0
        for c in range(len(self.labels)):
            own = np.flatnonzero(self.truth == c)
            part = slice(start, start + own.size)
            np.take(scores, own, out=ordered[part], mode="clip")  # `raise` would make a copy first
            ordered[part].sort()
            truth[part] = c
            start += own.size
        return replace(self, truth=truth, scores=ordered, unsorted=self)

    def _order(self) -> NDArray[np.int64]:
        if self.ids is not None:
            return order_of(self.ids)
        known = [column for column in (self.predictions, self.groups) if column is not None]
        columns = [] if self.scores is None else list(np.atleast_2d(self.scores.T))
        return np.lexsort([*known[::-1], *columns[::-1], self.truth])

    def sha256(self) -> str:
        """Of the rows as little-endian float64: truth, scores, prediction and group."""
        optional = (self.scores, self.predictions, self.groups)
        columns = [self.truth, *(column for column in optional if column is not None)]
        return digest(*(_as_floats(columns, own) for own in blocks(self.n)))

    def names(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """What a reader knows these rows by: their ids, or their places."""
        if self.ids is not None:
            return [{"id": self.ids[row]} for row in rows]
        return [self.origin.name(place) for place in self._places(rows)]

    def _places(self, rows: Sequence[int]) -> list[int]:
        if self.unsorted is not None:
            own = self._before_sorting(np.array(rows, np.int64))
            return self.unsorted._places(own.tolist())
        return list(rows) if self.places is None else self.places[list(rows)].tolist()

    def _before_sorting(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where these rows stood before; equals stood in the same order."""
        before, scores = self.unsorted, self.scores
        assert before is not None and before.scores is not None and scores is not None
        found = np.empty_like(rows)
        for c in np.unique(self.truth[rows]):
            own = np.flatnonzero(self.truth[rows] == c)
            least, most = scores[rows[own]].min(), scores[rows[own]].max()
            between = np.flatnonzero((before.scores >= least) & (before.scores <= most))
            between = between[before.truth[between] == c]
            between = between[np.argsort(before.scores[between], kind="stable")]
            start, end = np.searchsorted(self.truth, [c, c + 1])
            first = start + np.searchsorted(scores[start:end], least)
            found[own] = between[rows[own] - first]
        return found


def _as_floats(columns: Sequence[NDArray[Any]], own: slice) -> NDArray[np.float64]:
    widths = [1 if column.ndim == 1 else column.shape[1] for column in columns]
    table, right = np.empty((own.stop - own.start, sum(widths))), 0
    for column, width in zip(columns, widths, strict=True):
        table[:, right : right + width] = column[own].reshape(-1, width)
        right += width
    return table


def digest(*tables: NDArray[np.float64]) -> str:
    """SHA-256 of tables of numbers, as little-endian float64 in C order, one after the other."""
    found = hashlib.sha256()
    for table in tables:
        found.update(np.ascontiguousarray(table, np.dtype("<f8")).data)
    return found.hexdigest()


def codes(names: Sequence[str]) -> Codes:
    """Codes from 0, in the order of the sorted names."""
    known = {name: code for code, name in enumerate(sorted(set(names)))}
    return np.fromiter((known[name] for name in names), np.int64, len(names))
