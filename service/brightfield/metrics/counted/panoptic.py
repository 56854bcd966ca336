"""How found objects match the true ones: panoptic quality, F1, merges and splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.reading.pictures import ClassMask

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""0.5, 0.55, ..., 0.95."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What the objects of two label images share.

    A true and a found object match at a threshold when their IoU is above it; from 0.5 on each
    can match one other at most. With TP matches and FP and FN the found and true objects without
    one:

        f1 = 2 TP / (2 TP + FP + FN)
        rq = f1 at 0.5        sq = mean IoU of the matches at 0.5        pq = sq rq

    A found object that holds more than half of each of two true ones or more is a merge, a true
    object that holds more than half of each of two found ones or more is a split. Sources:
    Kirillov et al., "Panoptic segmentation", CVPR 2019; Caicedo et al., "Nucleus segmentation
    across imaging experiments", Nature Methods 16, 2019 (F1 over thresholds).
    """

    true: int
    found: int
    hits: tuple[int, ...]
    """TP at each of `THRESHOLDS`."""
    quality: float
    """The sum of the IoU of the matches at 0.5."""
    merges: int
    splits: int

    @classmethod
    def of(cls, truth: ClassMask, prediction: ClassMask) -> Matches:
        """From two label images of one shape, 0 the background; labels may have gaps."""
        true, of_true, true_sizes = _objects(truth)
        found, of_found, found_sizes = _objects(prediction)
        inside = (truth.ravel() > 0) & (prediction.ravel() > 0)
        pairs, shared = np.unique(
            of_true[inside] * max(1, found) + of_found[inside], return_counts=True
        )
        rows, columns = np.divmod(pairs, max(1, found))
        first, second = true_sizes[rows], found_sizes[columns]
        merged = np.bincount(columns[2 * shared > first], minlength=1)
        split = np.bincount(rows[2 * shared > second], minlength=1)
        iou = shared / (first + second - shared)
        hits = tuple(int((iou > threshold).sum()) for threshold in THRESHOLDS)
        quality = float(iou[iou > THRESHOLDS[0]].sum())
        return cls(true, found, hits, quality, int((merged > 1).sum()), int((split > 1).sum()))

    @classmethod
    def of_kept(cls, kept: Mapping[str, Any]) -> Matches:
        """From what `kept` gave."""
        return cls(**{**kept, "hits": tuple(kept["hits"])})

    def kept(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return asdict(self)

    @property
    def either(self) -> int:
        """True and found objects together: 2 TP + FP + FN."""
        return self.true + self.found

    def matched(self, threshold: float) -> int:
        """TP at one of `THRESHOLDS`."""
        return self.hits[THRESHOLDS.index(threshold)]


def _objects(labels: ClassMask) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """How many there are, the number of each pixel's object (of the background any), and sizes."""
    names, numbers, sizes = np.unique(labels.ravel(), return_inverse=True, return_counts=True)
    background = int(names.size > 0 and names[0] == 0)
    return names.size - background, numbers - background, sizes[background:]
