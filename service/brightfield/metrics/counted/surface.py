"""Distances between the outlines of two masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brightfield.metrics.statistics.estimate import Reason

Distances = NDArray[np.float64]
"""(m,) float64, micrometres or pixels: from each pixel of an outline to the nearest of another."""


@dataclass(frozen=True, eq=False)
class Surfaces:
    """The distances from the truth's outline to the prediction's, and back.

    An outline is the pixels of a mask with a side (in volumes: a face) at which the mask ends, the
    border of the image included; distances run between the centres of pixels. With d the
    distances in both directions:

        hd95 = the greater of the two directions' 95th percentiles
        assd = the mean of all d
        nsd = the share of all d that are at most `tolerance`

    Sources: Nikolov et al., "Deep learning to achieve clinically applicable segmentation", 2018
    (nsd); Maier-Hein et al., "Metrics reloaded", Nature Methods 21, 2024.
    """

    forth: Distances
    back: Distances

    @property
    def hd95(self) -> float:
        return float(max(np.percentile(self.forth, 95), np.percentile(self.back, 95)))

    @property
    def total(self) -> float:
        """The sum of all distances."""
        return float(self.forth.sum() + self.back.sum())

    @property
    def count(self) -> int:
        return int(self.forth.size + self.back.size)

    def within(self, tolerance: float) -> int:
        """How many distances are at most `tolerance`; one more by rounding alone still is."""
        limit = tolerance * (1 + 1e-9)
        return int((self.forth <= limit).sum() + (self.back <= limit).sum())


def surfaces(
    truth: NDArray[np.bool_], prediction: NDArray[np.bool_], spacing: Sequence[float]
) -> Surfaces | Reason:
    """The outlines' distances; `spacing` is a pixel's size along each axis.

    Where a mask is empty there are none: `both_empty`, `empty_truth` or `empty_prediction`.
    """
    if not truth.any() or not prediction.any():
        if truth.any():
            return "empty_prediction"
        return "empty_truth" if prediction.any() else "both_empty"
    box = ndimage.find_objects((truth | prediction).astype(np.uint8))[0]
    of_truth, of_prediction = _outline(truth[box]), _outline(prediction[box])
    to_prediction = ndimage.distance_transform_edt(~of_prediction, sampling=spacing)
    forth = to_prediction[of_truth]
    del to_prediction
    back = ndimage.distance_transform_edt(~of_truth, sampling=spacing)[of_prediction]
    return Surfaces(forth, back)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(mask & ~ndimage.binary_erosion(mask))
