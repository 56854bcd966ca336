"""Resamples of a bootstrap as weights: how often each unit was drawn.

A unit is what a statistic counts: a row, a case, or a cell of a table of counts. Weights turn a
resample of sorted rows into cumulative sums, so that nothing is sorted again, and a resample of
counts into a draw of counts, so that its cost does not depend on the number of rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SampleWeights = NDArray[np.float64]
"""(B, units) float64: how often each unit counts in each of B samples."""

Codes = NDArray[np.int64]
"""(n,) int64, from 0: the stratum or group of each row."""

# Blocks that are left out to see how skewed a statistic is; more change BCa intervals little.
_MOST_FOLDS = 200


@dataclass(frozen=True, slots=True)
class Folds:
    """What a jackknife leaves out: per fold its stratum, and how many equal folds it stands for."""

    strata: Codes
    copies: Codes

    @property
    def count(self) -> int:
        return int(self.strata.size)


class Resampler(ABC):
    """A way of drawing resamples: `drawn` independent things, seen as weights of `units`."""

    units: int
    drawn: int
    folds: Folds

    @abstractmethod
    def whole(self) -> SampleWeights:
        """(1, units): the sample itself."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, count: int) -> SampleWeights:
        """(count, units): so many resamples."""

    @abstractmethod
    def without(self, start: int, stop: int) -> SampleWeights:
        """(stop - start, units): the sample without each of the folds from `start` on."""


class RowResampler(Resampler):
    """Rows drawn with replacement, within each stratum as many as it has."""

    def __init__(self, strata: Codes) -> None:
        self.units = self.drawn = int(strata.size)
        self._strata = strata

    @cached_property
    def _members(self) -> list[Codes]:
        """The rows of each stratum."""
        order = np.argsort(self._strata, kind="stable")
        ends = np.flatnonzero(np.diff(self._strata[order], append=-1)) + 1
        return [order[a:b] for a, b in pairwise([0, *ends.tolist()])]

    @cached_property
    def folds(self) -> Folds:  # type: ignore[override]
        strata = [np.full(self._folds_of(m), s) for s, m in enumerate(self._members)]
        found = np.concatenate([np.zeros(0, np.int64), *strata]).astype(np.int64)
        return Folds(found, np.ones(found.size, np.int64))

    @cached_property
    def _fold(self) -> Codes:
        """The fold of each row, -1 where it is in none."""
        found, first = np.full(self.units, -1), 0
        for members in self._members:
            folds = self._folds_of(members)
            if folds:
                found[members] = first + np.arange(members.size) % folds
            first += folds
        return found

    @staticmethod
    def _folds_of(members: Codes) -> int:
        """Without its only row a stratum would be empty."""
        return min(members.size, _MOST_FOLDS) if members.size > 1 else 0

    def whole(self) -> SampleWeights:
        return np.ones((1, self.units))

    def draw(self, rng: np.random.Generator, count: int) -> SampleWeights:
        weights = np.empty((count, self.units))
        for members in self._members:
            size = members.size
            picks = rng.integers(0, size, (count, size)) + size * np.arange(count)[:, None]
            drawn = np.bincount(picks.ravel(), minlength=count * size)
            weights[:, members] = drawn.reshape(count, size)
        return weights

    def without(self, start: int, stop: int) -> SampleWeights:
        kept = self._fold[None, :] != np.arange(start, stop)[:, None]
        return np.asarray(kept, np.float64)


class CellResampler(Resampler):
    """Counts drawn anew: a (strata, cells) table whose rows keep their sums."""

    def __init__(self, counts: NDArray[np.int64]) -> None:
        self._counts = counts
        self.units, self.drawn = counts.size, int(counts.sum())
        self._filled = np.flatnonzero(counts)
        sums = counts.sum(axis=1)
        strata = self._filled // max(1, counts.shape[1])
        self._filled, strata = self._filled[sums[strata] > 1], strata[sums[strata] > 1]
        self.folds = Folds(strata, counts.ravel()[self._filled])

    def whole(self) -> SampleWeights:
        return self._counts.reshape(1, -1).astype(np.float64)

    def draw(self, rng: np.random.Generator, count: int) -> SampleWeights:
        weights = np.zeros((count, *self._counts.shape))
        for stratum, counts in enumerate(self._counts):
            total, filled = int(counts.sum()), np.flatnonzero(counts)
            if total:
                drawn = rng.multinomial(total, counts[filled] / total, size=count)
                weights[:, stratum, filled] = drawn
        return weights.reshape(count, -1)

    def without(self, start: int, stop: int) -> SampleWeights:
        weights = np.repeat(self.whole(), stop - start, axis=0)
        weights[np.arange(stop - start), self._filled[start:stop]] -= 1
        return weights


class ClusterResampler(Resampler):
    """Whole groups (patients, slides) drawn with replacement; `spread` makes weights of units.

    Source: Davison and Hinkley, "Bootstrap Methods and their Application", section 3.8, 1997.
    """

    def __init__(
        self, groups: int, units: int, spread: Callable[[SampleWeights], SampleWeights]
    ) -> None:
        self.units, self.drawn = units, groups
        self._spread = spread
        folds = min(groups, _MOST_FOLDS)
        self._fold = np.arange(groups) % max(1, folds)
        self.folds = Folds(np.zeros(folds, np.int64), np.ones(folds, np.int64))

    @classmethod
    def of_rows(cls, groups: Codes) -> ClusterResampler:
        """Units are rows, each of one group."""
        return cls(_count(groups), groups.size, lambda weights: weights[:, groups])

    @classmethod
    def of_cells(cls, groups: Codes, cells: Codes, units: int) -> ClusterResampler:
        """Units are cells of a table, in which each row of a group counts one."""
        count = _count(groups)
        table = np.bincount(groups * units + cells, minlength=count * units)
        table = table.reshape(count, units).astype(np.float64)
        return cls(count, units, lambda weights: weights @ table)

    def whole(self) -> SampleWeights:
        return self._spread(np.ones((1, self.drawn)))

    def draw(self, rng: np.random.Generator, count: int) -> SampleWeights:
        picks = rng.integers(0, self.drawn, (count, self.drawn))
        picks += self.drawn * np.arange(count)[:, None]
        drawn = np.bincount(picks.ravel(), minlength=count * self.drawn)
        return self._spread(drawn.reshape(count, self.drawn).astype(np.float64))

    def without(self, start: int, stop: int) -> SampleWeights:
        kept = self._fold[None, :] != np.arange(start, stop)[:, None]
        return self._spread(kept.astype(np.float64))


def _count(codes: Codes) -> int:
    return int(codes.max(initial=-1)) + 1
