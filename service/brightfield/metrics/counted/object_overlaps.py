"""What true and found objects share, of label images and of objects that lie over one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from brightfield.images import rle
from brightfield.metrics.reading.masks import ClassMask, ReadMask, as_coco

PixelCounts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ObjectOverlaps:
    """(n,) pixels of each true object, (m,) of each found one, (m,) of these in void; and for pairs
    that share pixels which true one, which found one, and how many. Void pixels are in no true
    object and in no pair. `exclusive` says that no two objects of a side share a pixel."""

    true: PixelCounts
    found: PixelCounts
    void: PixelCounts
    rows: PixelCounts
    columns: PixelCounts
    shared: PixelCounts
    exclusive: bool

    @classmethod
    def of(
        cls, truth: ReadMask, prediction: ReadMask, void: NDArray[np.bool_] | None
    ) -> ObjectOverlaps:
        """`truth` has no label in `void`; its pixels are None where there are none."""
        if truth.overlapping or prediction.overlapping:
            return _of_lists(truth, prediction, void)
        return _of_labels(truth.labels, prediction.labels, void)

    @property
    def iou(self) -> NDArray[np.float64]:
        """(pairs,) over the pixels that are not void."""
        both = self.true[self.rows] + (self.found - self.void)[self.columns]
        return np.asarray(self.shared / np.maximum(1, both - self.shared), np.float64)

    def matched(self, iou: NDArray[np.float64], threshold: float) -> PixelCounts:
        """The pairs above the threshold, each object in one at most.

        From 0.5 on no object of a label image can be in two. Objects that share pixels can: then as
        many pairs as there can be, of these the ones with the greatest sum of IoU.
        """
        chosen = np.flatnonzero(iou > threshold)
        if self.exclusive or not chosen.size:
            return chosen
        return self.assigned(chosen, iou + chosen.size)  # more pairs before better ones

    def assigned(self, chosen: PixelCounts, worth: NDArray[np.float64]) -> PixelCounts:
        """Of these pairs those with the greatest sum of `worth`, each object in one at most."""
        if not chosen.size:
            return chosen
        return _assigned(chosen, self.rows, self.columns, worth)


def _of_labels(
    truth: ClassMask, prediction: ClassMask, void: NDArray[np.bool_] | None
) -> ObjectOverlaps:
    of_true, true_sizes = _objects(truth)
    of_found, found_sizes = _objects(prediction)
    found = found_sizes.size
    inside = (truth.ravel() > 0) & (prediction.ravel() > 0)
    pairs, shared = np.unique(
        of_true[inside] * max(1, found) + of_found[inside], return_counts=True
    )
    rows, columns = np.divmod(pairs, max(1, found))
    unknown = np.zeros(found, np.int64)
    if void is not None:
        in_void = of_found[void.ravel() & (prediction.ravel() > 0)]
        unknown = np.bincount(in_void, minlength=found)
    return ObjectOverlaps(true_sizes, found_sizes, unknown, rows, columns, shared, exclusive=True)


def _objects(labels: ClassMask) -> tuple[PixelCounts, PixelCounts]:
    """The number of each pixel's object (of the background any), and the sizes."""
    names, numbers, sizes = np.unique(labels.ravel(), return_inverse=True, return_counts=True)
    background = int(names.size > 0 and names[0] == 0)
    return numbers - background, sizes[background:]


def _of_lists(
    truth: ReadMask, prediction: ReadMask, void: NDArray[np.bool_] | None
) -> ObjectOverlaps:
    true, found = (as_coco(_listed(mask)) for mask in (truth, prediction))
    sizes = [np.asarray(coco_mask.area(each), np.int64).reshape(-1) for each in (true, found)]
    unknown = np.zeros(len(found), np.int64)
    if void is not None and found:
        unknown = _shared(found, as_coco((rle.encode(void),))).sum(axis=1)
    table = _shared(true, found)
    rows, columns = np.nonzero(table)
    return ObjectOverlaps(
        sizes[0], sizes[1], unknown, rows, columns, table[rows, columns], exclusive=False
    )


def _listed(mask: ReadMask) -> tuple[rle.Rle, ...]:
    return mask.overlapping or tuple(rle.encode_labels(mask.labels).values())


def _shared(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> PixelCounts:
    """(n, m) pixels in common, from IoU = shared / (a + b - shared), which is exact in float64."""
    if not first or not second:
        return np.zeros((len(first), len(second)), np.int64)
    iou = np.asarray(coco_mask.iou(first, second, [0] * len(second)), np.float64)
    sizes = [np.asarray(coco_mask.area(each), np.float64) for each in (first, second)]
    shared = iou * (sizes[0][:, None] + sizes[1][None, :]) / (1 + iou)
    return np.rint(shared).astype(np.int64)


def _assigned(
    chosen: PixelCounts, rows: PixelCounts, columns: PixelCounts, worth: NDArray[np.float64]
) -> PixelCounts:
    """Part by part, since few objects of a field lie over one another."""
    true, found = (np.unique(side[chosen], return_inverse=True)[1] for side in (rows, columns))
    count = int(true.max()) + 1
    total = count + int(found.max()) + 1
    graph = scipy.sparse.coo_array((np.ones(chosen.size), (true, count + found)), (total, total))
    _, part = scipy.sparse.csgraph.connected_components(graph, directed=False)
    of_pair = part[true]
    kept = []
    for name in np.unique(of_pair):
        own = np.flatnonzero(of_pair == name)
        if own.size == 1:
            kept.append(own)
            continue
        sides = [np.unique(side[own], return_inverse=True)[1] for side in (true, found)]
        table = np.zeros((sides[0].max() + 1, sides[1].max() + 1))
        table[sides[0], sides[1]] = worth[chosen[own]]
        pairs = set(
            zip(
                *(side.tolist() for side in scipy.optimize.linear_sum_assignment(-table)),
                strict=True,
            )
        )
        among = [pair in pairs for pair in zip(*(s.tolist() for s in sides), strict=True)]
        kept.append(own[np.array(among)])
    return chosen[np.sort(np.concatenate(kept))]
