"""Rows in the order of their scores: what every threshold between them would call positive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.estimate import Reason
from brightfield.metrics.statistics.family import Family
from brightfield.metrics.statistics.resampling import Codes, SampleWeights


@dataclass(frozen=True, eq=False)
class Ranking:
    """Positives and negatives by descending score.

    `thresholds` are the distinct scores, descending; a row is called positive at a threshold when
    its score reaches it. `ends` is the place of each threshold's last row, `rows` says which row
    of the sample stands at a place, and `positive` whether it is one.
    """

    thresholds: NDArray[np.float64]
    ends: NDArray[np.int64]
    positive: NDArray[np.bool_]
    rows: Codes
    drawn: int

    @classmethod
    def of(
        cls, scores: NDArray[np.float64], positive: NDArray[np.bool_], rows: Codes | None = None
    ) -> Ranking:
        """From (n,) finite scores; `rows` where several places belong to one row (micro)."""
        order = np.argsort(scores, kind="stable")[::-1]
        ranked = scores[order]
        last = np.ones(ranked.size, bool)
        np.not_equal(ranked[1:], ranked[:-1], out=last[:-1])
        own = order if rows is None else rows[order]
        drawn = scores.size if rows is None else int(rows.max(initial=-1)) + 1
        if last.all():
            return cls(ranked, np.arange(ranked.size), positive[order], own, drawn)
        ends = np.flatnonzero(last)
        return cls(ranked[ends], ends, positive[order], own, drawn)

    @cached_property
    def tp(self) -> NDArray[np.int64]:
        """True positives at each threshold."""
        found = np.cumsum(self.positive, dtype=np.int64)
        return found if self.ends.size == self.n else found[self.ends]

    @cached_property
    def fp(self) -> NDArray[np.int64]:
        """False positives at each threshold."""
        found = self.ends - self.tp
        found += 1
        return found

    @property
    def n(self) -> int:
        return int(self.positive.size)

    @cached_property
    def positives(self) -> int:
        return int(np.count_nonzero(self.positive))

    @property
    def negatives(self) -> int:
        return self.n - self.positives

    @cached_property
    def _as_it_is(self) -> Sweep:
        """Every row once: what `weighted` makes of ones."""
        tp, called = self.tp[None], (self.ends + 1)[None]
        if self.ends.size == self.n:
            return Sweep(self.positive[None], np.broadcast_to(1.0, tp.shape), tp, called)
        return Sweep(np.diff(tp, prepend=0), np.diff(called, prepend=0), tp, called)

    @property
    def _shares(self) -> NDArray[np.float64]:
        """(n,) by place: the share of places before it; equals have that of their middle."""
        starts = np.append(0, self.ends[:-1] + 1)
        middle = (starts + self.ends) / (2 * max(1, self.n))
        return np.repeat(-middle, self.ends - starts + 1)

    def followed_by(self, other: Ranking) -> Ranking:
        """Both in one order, by their ranks, since scores of two runs have no common scale; the
        other's rows come after these."""
        return Ranking.of(
            np.concatenate([self._shares, other._shares]),
            np.concatenate([self.positive, other.positive]),
            np.concatenate([self.rows, other.rows + self.drawn]),
        )

    def weighted(self, weights: SampleWeights) -> Sweep:
        if len(weights) == 1 and bool((weights == 1).all()):
            return self._as_it_is
        called = weights[:, self.rows]
        right = called * self.positive
        if self.ends.size < self.n:
            starts = np.append(0, self.ends[:-1] + 1)
            called = np.add.reduceat(called, starts, axis=1)
            right = np.add.reduceat(right, starts, axis=1)
        return Sweep(right, called, np.cumsum(right, axis=1), np.cumsum(called, axis=1))


class Sweep(NamedTuple):
    """(B, thresholds) each, by descending threshold: the weight of the positives, and of all rows,
    that come in at a threshold, and that are called positive at it. Where every row weighs 1 they
    are counts, and `right` may be truth values."""

    right: NDArray[Any]
    all: NDArray[np.float64] | NDArray[np.int64]
    tp: NDArray[np.float64] | NDArray[np.int64]
    called: NDArray[np.float64] | NDArray[np.int64]


class RankingFamily(Family[Ranking, Sweep]):
    """Metrics of an order alone: the same for every increasing transform of the scores."""

    def sizes(self, sample: Ranking) -> Mapping[str, int]:
        return dict.fromkeys(self.names, sample.n)


class RocFamily(RankingFamily):
    """Metrics that need positives and negatives."""

    def undefined(self, sample: Ranking) -> Mapping[str, Reason]:
        if not sample.n:
            return dict.fromkeys(self.names, "no_rows")
        if not sample.positives:
            return dict.fromkeys(self.names, "no_positives")
        return {} if sample.negatives else dict.fromkeys(self.names, "no_negatives")
