"""How well predicted objects meet the true ones: matching by intersection over union.

A true and a predicted object match at a threshold t when their IoU = |A and B| / |A or B| is
greater than t. From t = 0.5 on an object can match at most one other, so nothing has to be
assigned: an IoU above one half leaves too little for a second. Of the matches and of what is left
over on either side,

    F1 = 2 TP / (2 TP + FP + FN).

Reported are the mean of the images' F1, every image counting alike, and the F1 of the counts
pooled over all images, every object counting alike. An image without objects on either side has
F1 = 1. (The Data Science Bowl's own score is the mean over t of TP / (TP + FP + FN), a stricter
number.)

Source: Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science
Bowl", Nature Methods 16, 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""0.5, 0.55, ..., 0.95."""


class Counts(NamedTuple):
    """Matches, predicted objects without a match, true ones without."""

    true_positive: int
    false_positive: int
    false_negative: int

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); 1 where there is nothing on either side."""
        either = 2 * self.true_positive + self.false_positive + self.false_negative
        return 2 * self.true_positive / either if either else 1.0


def pooled(counts: Iterable[Counts]) -> Counts:
    """The sums over several images."""
    return Counts(*np.sum([Counts(0, 0, 0), *counts], axis=0).tolist())


def intersection_over_union(
    true: NDArray[np.integer], predicted: NDArray[np.integer]
) -> NDArray[np.float64]:
    """(true objects, predicted objects) IoU of two label images of one shape.

    0 is the background; rows and columns are in ascending order of the labels, which need not be
    consecutive.
    """
    if true.shape != predicted.shape:
        raise ValueError(f"label images of {true.shape} and {predicted.shape}: not of one shape")
    of_true, rows = np.unique(true, return_inverse=True)
    of_predicted, columns = np.unique(predicted, return_inverse=True)
    shape = len(of_true), len(of_predicted)
    pairs = rows.reshape(-1) * shape[1] + columns.reshape(-1)
    both = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    objects = np.ix_(of_true != 0, of_predicted != 0)
    iou: NDArray[np.float64] = (both / np.maximum(either, 1))[objects]
    return iou


def matched(iou: NDArray[np.float64], threshold: float) -> Counts:
    """The counts at a threshold of at least 0.5, from the table of `intersection_over_union`."""
    if threshold < 0.5:
        raise ValueError("below 0.5 an object can match several; choose a threshold from 0.5 on")
    hits = int((iou > threshold).sum())
    return Counts(hits, iou.shape[1] - hits, iou.shape[0] - hits)


def mean_f1(iou: NDArray[np.float64], thresholds: Sequence[float] = THRESHOLDS) -> float:
    """The mean of F1 over the thresholds, for one image."""
    return float(np.mean([matched(iou, threshold).f1 for threshold in thresholds]))


def mask_iou(true: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    """|A and B| / |A or B| of two masks; 1 where both are empty."""
    either = np.count_nonzero(true | predicted)
    return np.count_nonzero(true & predicted) / either if either else 1.0
