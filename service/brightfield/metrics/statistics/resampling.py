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

from brightfield.metrics.statistics.blocks import batches
from brightfield.metrics.statistics.spread import Spread, jackknife
from brightfield.progress import Progress, Step

SampleWeights = NDArray[np.float64]
"""(B, units) float64: how often each unit counts in each of B samples."""

Codes = NDArray[np.int64]
"""(n,) int64, from 0: the stratum or group of each row."""

WeightedStatistics = Callable[[SampleWeights], NDArray[np.float64]]
"""From (B, units) weights to (B, m): m statistics of each sample."""

# Parts that are left out in turn: more change neither the error nor the skewness much.
_MOST_FOLDS = 200
# Step of a derivative, in rows, and the rounding of what it finds.
_STEP = 1e-5
_ROUNDING = 1e-9


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

    def left_out(self, statistics: WeightedStatistics, progress: Progress) -> NDArray[np.float64]:
        """(folds, m): m statistics without each of the folds."""
        found = [statistics(self.whole())[:0]]
        for start, stop in batches(self.folds.count, self.units):
            progress(Step(start, self.folds.count))
            found.append(statistics(self.without(start, stop)))
        return np.concatenate(found)

    def spread(
        self, statistics: WeightedStatistics, values: NDArray[np.float64], progress: Progress
    ) -> Spread:
        """How much m statistics, (m,) `values` here, vary from sample to sample."""
        return jackknife(values, self.left_out(statistics, progress))

    @property
    def looks(self) -> int:
        """Samples that `spread` looks at."""
        return self.folds.count


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
                found[members] = first + _parted(members.size, folds)
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
    """Counts drawn anew, from (k, ...) tables whose axes are classes; with `within` the sum of each
    class of the first axis stays."""

    def __init__(self, counts: NDArray[np.int64], *, within: bool = False) -> None:
        self._table = counts
        self._counts = counts.reshape(len(counts) if within else 1, -1)
        self.units, self.drawn = counts.size, int(counts.sum())
        self._filled = np.flatnonzero(counts)
        sums = self._counts.sum(axis=1)
        strata = self._filled // max(1, self._counts.shape[1])
        self._filled, strata = self._filled[sums[strata] > 1], strata[sums[strata] > 1]
        self.folds = Folds(strata, counts.ravel()[self._filled])

    @cached_property
    def _possible(self) -> Codes:
        """The cells of classes that occur, as truth or as a prediction."""
        axes = range(self._table.ndim)
        others = [tuple(other for other in axes if other != axis) for axis in axes]
        occurs = np.any([self._table.sum(axis=rest) > 0 for rest in others], axis=0)
        grid = np.meshgrid(*[occurs for _ in axes], indexing="ij")
        return np.flatnonzero(np.logical_and.reduce(grid))

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

    def spread(
        self, statistics: WeightedStatistics, values: NDArray[np.float64], progress: Progress
    ) -> Spread:
        """Of the counts with one more row, spread evenly over the cells of classes that occur, by
        the delta method:

            error^2 = sum over the cells of  count (d statistic / d count)^2

        So a table without errors, or without hits, has an error as well, which no jackknife has.
        Tables of many cells have a jackknife of their rows. Sources: Agresti, "Categorical Data
        Analysis", 3rd edition, 2013, sections 16.1 and 3.1 (why counts are smoothed).
        """
        cells = self._possible
        if cells.size > _MOST_FOLDS:
            return jackknife(values, self._without_rows(statistics, progress))
        counts = self.whole()
        counts[0, cells] += 1 / max(1, cells.size)
        steps = np.repeat(counts, cells.size, axis=0)
        steps[np.arange(cells.size), cells] += _STEP
        centre = statistics(counts)[0]
        slopes = (statistics(steps) - centre) / _STEP
        error = np.sqrt(counts[0, cells] @ np.square(slopes))
        error[error <= _ROUNDING] = 0.0
        return Spread(centre, error, max(1, self.drawn - 1))

    def _without_rows(
        self, statistics: WeightedStatistics, progress: Progress
    ) -> NDArray[np.float64]:
        """(folds, m): m statistics without each of up to 200 parts of the rows."""
        whole, folds = self.whole(), min(self.drawn, _MOST_FOLDS)
        fold = _parted(self.drawn, folds)
        cells = np.repeat(np.arange(self.units), self._counts.ravel())[np.argsort(fold)]
        ends = np.cumsum(np.bincount(fold, minlength=folds))
        parts = np.split(cells, ends[:-1])
        found = [statistics(whole)[:0]]
        for start, stop in batches(folds, self.units):
            progress(Step(start, folds))
            gone = [np.bincount(part, minlength=self.units) for part in parts[start:stop]]
            found.append(statistics(whole - np.array(gone)))
        return np.concatenate(found)

    @property
    def looks(self) -> int:
        return min(self._possible.size, _MOST_FOLDS)


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
        self._fold = _parted(groups, folds)
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


def _parted(count: int, folds: int) -> Codes:
    """The fold of each of so many things. By chance where a fold has several: rows come in order,
    and folds that are cut from an order by turns resemble one another more than samples do."""
    found = np.arange(count) % max(1, folds)
    return found if count <= folds else np.random.default_rng(0).permutation(found)


def _count(codes: Codes) -> int:
    return int(codes.max(initial=-1)) + 1
