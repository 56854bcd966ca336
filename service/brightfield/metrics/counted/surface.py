"""Distances between the outlines of two masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray

from brightfield.metrics.statistics.estimate import Reason

Distances = NDArray[np.float64]
"""(m,) float64, micrometres or pixels: from each pixel of an outline to the nearest of another."""


@dataclass(frozen=True, eq=False)
class Surfaces:
    """The distances from the truth's outline to the prediction's, and back.

    An outline is the pixels of a mask with a side (in volumes: a face) at which the mask ends, the
    border of the image included; distances run between the centres of pixels. With d the
    distances in both directions:

        hd95 = the greater of the two directions' 95th percentiles, and so for other percentiles
        assd = the mean of all d
        nsd = the share of all d that are at most `tolerance`

    If one mask is empty, nsd is 0 and there are no distances. Sources: Nikolov et al., "Deep
    learning to achieve clinically applicable segmentation", 2018 (nsd); Maier-Hein et al., "Metrics
    reloaded", Nature Methods 21, 2024.
    """

    forth: Distances
    back: Distances

    def hausdorff(self, percent: float) -> float:
        """The greater of the two directions' percentiles; at 100 the Hausdorff distance."""
        return float(max(np.percentile(self.forth, percent), np.percentile(self.back, percent)))

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


@dataclass(frozen=True, slots=True)
class LoneOutline:
    """One mask is empty, so there are no distances, and why; the other's outline has `count`
    pixels, none of which agrees with anything."""

    reason: Reason
    count: int
    penalty: float | None = None
    """What counts as the distance to the missing mask."""
    others: tuple[str, ...] = ()
    """The names of further distances."""
    within: ClassVar[int] = 0

    @property
    def without(self) -> Reason | None:
        """Why there are no distances."""
        return self.reason if self.penalty is None else None

    @property
    def paired(self) -> int:
        """How many distances there are."""
        return 0 if self.penalty is None else self.count

    @property
    def total(self) -> float:
        return self.paired * (self.penalty or 0.0)

    def values(self) -> dict[str, float | Reason]:
        """Distances have no value but the penalty; nsd is 0: no part of the outline agrees."""
        nsd = 0.0 if self.reason in ("empty_truth", "empty_prediction") else self.reason
        distance = self.reason if self.penalty is None else self.penalty
        names = ("hd95", "assd", *self.others)
        return {**dict.fromkeys(names, distance), "nsd": nsd}


def surfaces(
    truth: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    spacing: Sequence[float],
    void: NDArray[np.bool_] | None = None,
) -> Surfaces | LoneOutline:
    """The outlines' distances; `spacing` is a pixel's size along each axis.

    Where a mask is empty there are none: `both_empty`, `empty_truth` or `empty_prediction`. Masks
    have no pixels in `void`, and where they meet it nobody knows whether they end: that is no
    outline.
    """
    occupied = truth | prediction
    if not occupied.any():
        return LoneOutline("both_empty", 0)
    box = scipy.ndimage.find_objects(occupied.astype(np.uint8))[0]
    within = None if void is None else void[_wider(box, truth.shape)]
    of_truth, of_prediction = (
        _outline(mask[_wider(box, truth.shape)], within) for mask in (truth, prediction)
    )
    if not of_truth.any() or not of_prediction.any():
        return _lone(of_truth, of_prediction)
    to_prediction = scipy.ndimage.distance_transform_edt(~of_prediction, sampling=spacing)
    forth = to_prediction[of_truth]
    del to_prediction
    back = scipy.ndimage.distance_transform_edt(~of_truth, sampling=spacing)[of_prediction]
    return Surfaces(forth, back)


def _lone(of_truth: NDArray[np.bool_], of_prediction: NDArray[np.bool_]) -> LoneOutline:
    if of_truth.any():
        return LoneOutline("empty_prediction", int(of_truth.sum()))
    if of_prediction.any():
        return LoneOutline("empty_truth", int(of_prediction.sum()))
    return LoneOutline("both_empty", 0)


def _wider(box: tuple[slice, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """With a pixel around it, where the image goes on."""
    return tuple(
        slice(max(0, side.start - 1), min(size, side.stop + 1))
        for side, size in zip(box, shape, strict=True)
    )


def _outline(mask: NDArray[np.bool_], void: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    whole = mask if void is None else mask | void
    return np.asarray(mask & ~scipy.ndimage.binary_erosion(whole))
