"""How masks of classes cover each other: intersection over union, Dice, pixel accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.reading.masks import ClassMask


@dataclass(frozen=True, eq=False)
class MaskOverlap:
    """Pixels of one pair of masks: (k, k) counts, rows the truth, columns the prediction.

    With A the true and B the predicted pixels of a class:

        iou = |A and B| / |A or B| (Jaccard)      dice = 2 |A and B| / (|A| + |B|) (F1)
        pixel accuracy = pixels of one class in both / all pixels

    Sources: Jaccard 1912; Dice, "Measures of the amount of ecologic association", Ecology 26, 1945.
    """

    counts: NDArray[np.int64]

    @classmethod
    def of(cls, truth: ClassMask, prediction: ClassMask, classes: int) -> MaskOverlap:
        """From two masks of one shape with values below `classes`."""
        cells = np.bincount(truth.ravel() * classes + prediction.ravel(), minlength=classes**2)
        return cls(cells.reshape(classes, classes))

    @classmethod
    def of_kept(cls, cells: Sequence[Sequence[int]], classes: int) -> MaskOverlap:
        """From what `kept` gave, of so many classes."""
        counts = np.zeros(classes**2, np.int64)
        for cell, count in cells:
            counts[cell] = count
        return cls(counts.reshape(classes, classes))

    def kept(self) -> list[list[int]]:
        """Place and count of each cell that is not 0: of many classes few meet in one pair."""
        counts = self.counts.ravel()
        (cells,) = np.nonzero(counts)
        found: list[list[int]] = np.column_stack([cells, counts[cells]]).tolist()
        return found

    @property
    def both(self) -> NDArray[np.int64]:
        """(k,) |A and B|."""
        return np.diagonal(self.counts)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(k,) |A| + |B|."""
        return np.asarray(self.counts.sum(axis=1) + self.counts.sum(axis=0))

    @property
    def either(self) -> NDArray[np.int64]:
        """(k,) |A or B|."""
        return self.sizes - self.both
