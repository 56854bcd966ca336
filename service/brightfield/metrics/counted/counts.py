"""Tables of counts: which class was predicted how often for which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.family import Family
from brightfield.metrics.statistics.resampling import Codes, SampleWeights

Counts = NDArray[np.float64]
"""(B,) float64: counts of each of B samples."""

Four = tuple[Counts, Counts, Counts, Counts]
"""True positives, false positives, true negatives, false negatives."""


@dataclass(frozen=True, eq=False)
class CountTable:
    """(k, k) counts: rows are the truth, columns the prediction."""

    counts: NDArray[np.int64]

    @classmethod
    def of(cls, truth: Codes, predicted: Codes, classes: int) -> CountTable:
        """The table of rows of true and predicted classes."""
        cells = np.zeros(classes * classes, np.int64)
        for own in blocks(truth.size):
            cells += np.bincount(truth[own] * classes + predicted[own], minlength=cells.size)
        return cls(cells.reshape(classes, classes))

    @property
    def classes(self) -> int:
        return len(self.counts)

    @property
    def cells(self) -> SampleWeights:
        """(1, k * k): the counts as weights of cells."""
        return self.counts.reshape(1, -1).astype(np.float64)

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @cached_property
    def present(self) -> NDArray[np.int64]:
        """The classes that have members."""
        return np.flatnonzero(self.counts.sum(axis=1))

    @cached_property
    def occurring(self) -> NDArray[np.int64]:
        """The classes that have members or are predicted."""
        return np.flatnonzero(self.counts.sum(axis=1) + self.counts.sum(axis=0))

    def weighted(self, weights: SampleWeights) -> NDArray[np.float64]:
        """(B, k, k) of (B, k * k)."""
        return weights.reshape(-1, self.classes, self.classes)


@dataclass(frozen=True, eq=False)
class OneAgainstRest:
    """A class of a table against all others; with `class_id` None the sum over all (micro)."""

    table: CountTable
    class_id: int | None

    def weighted(self, weights: SampleWeights) -> Four:
        """Each (B,): true positives, false positives, true negatives, false negatives."""
        counts = self.table.weighted(weights)
        total = counts.sum(axis=(1, 2))
        if self.class_id is None:
            right = np.trace(counts, axis1=1, axis2=2)
            wrong = total - right
            return right, wrong, (self.table.classes - 2) * total + right, wrong
        right = counts[:, self.class_id, self.class_id]
        missed = counts[:, self.class_id, :].sum(axis=1) - right
        false = counts[:, :, self.class_id].sum(axis=1) - right
        return right, false, total - right - missed - false, missed

    @property
    def n(self) -> int:
        """How many rows there are."""
        return self.table.n

    @property
    def independent(self) -> bool:
        """Whether each row counts once: of all classes together it counts in each."""
        return self.class_id is not None

    @cached_property
    def totals(self) -> tuple[int, int, int, int]:
        """tp, fp, tn, fn of the sample itself."""
        parts = self.weighted(self.table.cells)
        tp, fp, tn, fn = (int(part[0]) for part in parts)
        return tp, fp, tn, fn


class TableFamily(Family[CountTable, NDArray[np.float64]]):
    """Metrics of a whole table."""


class FourCounts(Protocol):
    """One thing that is there or not, and called so or not, in n rows."""

    @property
    def n(self) -> int:
        """How many rows there are."""

    @property
    def independent(self) -> bool:
        """Whether each row counts once."""

    @property
    def totals(self) -> tuple[int, int, int, int]:
        """tp, fp, tn, fn of the sample itself."""

    def weighted(self, weights: SampleWeights) -> Four:
        """Each (B,): true positives, false positives, true negatives, false negatives."""


class RateFamily(Family[FourCounts, Four]):
    """Metrics of one class against the rest; `averaged` if they have means over classes."""

    averaged: ClassVar[bool] = True

    def sizes(self, sample: FourCounts) -> Mapping[str, int]:
        return dict.fromkeys(self.names, sample.n)
