"""Labels that rows have and are given: the four counts of one label, or of all together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.counts import Four
from brightfield.metrics.statistics.family import Family
from brightfield.metrics.statistics.resampling import SampleWeights


@dataclass(frozen=True, eq=False)
class LabelCounts:
    """(n, 4) float64: true and false positives, true and false negatives of each row; of all labels
    together (micro) they are not `independent`."""

    of_rows: NDArray[np.float64]
    independent: bool

    @classmethod
    def of(cls, truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> LabelCounts:
        """From (n,) of one label, or (n, k) of all."""
        cells = (truth & called, ~truth & called, ~truth & ~called, truth & ~called)
        wide = [cell if cell.ndim == 1 else cell.sum(axis=1) for cell in cells]
        return cls(np.column_stack(wide).astype(np.float64), truth.ndim == 1)

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.of_rows)

    @cached_property
    def totals(self) -> tuple[int, int, int, int]:
        """tp, fp, tn, fn of the sample itself."""
        tp, fp, tn, fn = (int(total) for total in self.of_rows.sum(axis=0))
        return tp, fp, tn, fn

    def followed_by(self, other: LabelCounts) -> LabelCounts:
        """Both, one after the other."""
        return LabelCounts(np.concatenate([self.of_rows, other.of_rows]), self.independent)

    def weighted(self, weights: SampleWeights) -> Four:
        """Each (B,): true positives, false positives, true negatives, false negatives."""
        tp, fp, tn, fn = (weights @ self.of_rows).T
        return tp, fp, tn, fn


@dataclass(frozen=True, eq=False)
class WrongLabels:
    """(n,) which share of its labels is wrong in each row."""

    share: NDArray[np.float64]

    @classmethod
    def of(cls, truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> WrongLabels:
        """From (n, k) of all labels."""
        return cls((truth != called).mean(axis=1))

    def followed_by(self, other: WrongLabels) -> WrongLabels:
        """Both, one after the other."""
        return WrongLabels(np.concatenate([self.share, other.share]))

    def weighted(self, weights: SampleWeights) -> SampleWeights:
        return weights


class LabelSetFamily(Family[WrongLabels, SampleWeights]):
    """Metrics of all labels of a row."""
