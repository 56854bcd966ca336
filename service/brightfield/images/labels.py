"""Label images: one integer per pixel, 0 the background and k the object k."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.images.runs import LabelRuns, find_runs, paint
from brightfield.tensors import Indices

Labels = NDArray[np.int32]
"""(H, W) int32: 0 is background, k > 0 the pixels of object k."""

OverlapMeasure = Literal["iou", "smaller"]
"""What a shared part is measured against: both objects together, or the smaller one alone."""

_UINT16_OBJECTS = 65_535


def smallest(labels: NDArray[Any]) -> NDArray[np.uint16] | NDArray[np.uint32]:
    """The same labels as uint16 where the greatest is at most 65,535, else as uint32.

    Raises `ValueError` for a negative label.
    """
    if labels.size and int(labels.min()) < 0:
        raise ValueError("a label is negative")
    greatest = int(labels.max(initial=0))
    return labels.astype(np.uint16) if greatest <= _UINT16_OBJECTS else labels.astype(np.uint32)


def link_slices(
    previous: Labels,
    current: Labels,
    *,
    first_new: int,
    threshold: float = 0.25,
    by: OverlapMeasure = "iou",
) -> tuple[Labels, int]:
    """`current` with the numbers of the objects of `previous` that it continues.

    Two objects of neighbouring planes can be one when their overlap, as a share of their union
    (`iou`) or of the smaller one (`smaller`), is at least `threshold`. Each continues at most one:
    the pair with the greatest share is linked first, then the greatest of those left, and so on
    (equal shares: the greater overlap, then the smaller numbers). The other objects of `current`
    are numbered from `first_new` on. An object that is missing in one plane is not picked up again
    after it. Stitching 2D masks by overlap is described in Stringer et al., Nat. Methods 18, 2021.

    Returns the renumbered plane and the next free number. Raises `ValueError` for planes of
    different shape.
    """
    if previous.shape != current.shape:
        raise ValueError(f"a plane of {current.shape} cannot continue one of {previous.shape}")
    runs = find_runs(current.reshape(-1))
    old, index = np.unique(runs.labels, return_inverse=True)
    new = np.zeros(old.size, np.int64)
    taken: set[int] = set()
    for before, after in _continuations(previous, current, threshold, by):
        place = int(np.searchsorted(old, after))
        if before not in taken and new[place] == 0:
            new[place] = before
            taken.add(before)
    fresh = np.flatnonzero((old > 0) & (new == 0))
    new[fresh] = first_new + np.arange(fresh.size)
    return _painted(runs, new[index], current.shape), first_new + fresh.size


def _continuations(
    previous: Labels, current: Labels, threshold: float, by: OverlapMeasure
) -> list[tuple[int, int]]:
    """Pairs (object of `previous`, object of `current`) that may be one, the best first."""
    base = int(current.max(initial=0)) + 1
    pairs, shared = _counted(previous.astype(np.int64) * base + current)
    both = (pairs >= base) & (pairs % base > 0)
    (before, after), shared = np.divmod(pairs[both], base), shared[both]
    area_before, area_after = _areas(previous, before), _areas(current, after)
    whole = np.minimum(area_before, area_after)
    if by == "iou":
        whole = area_before + area_after - shared
    share = shared / whole
    order = np.lexsort((after, before, -shared, -share))
    order = order[share[order] >= threshold]
    return list(zip(before[order].tolist(), after[order].tolist(), strict=True))


def _areas(labels: Labels, chosen: Indices) -> Indices:
    known, areas = _counted(labels)
    return areas[np.searchsorted(known, chosen)]


def _counted(labels: NDArray[Any]) -> tuple[Indices, Indices]:
    """The values of an array in ascending order, and how many pixels have each."""
    runs = find_runs(labels.reshape(-1))
    values, index = np.unique(runs.labels, return_inverse=True)
    return values, np.bincount(index, runs.lengths, values.size).astype(np.int64)


def _painted(runs: LabelRuns, labels: Indices, shape: tuple[int, ...]) -> Labels:
    """The runs in their places with other labels."""
    renamed = LabelRuns(labels, runs.starts, runs.lengths)
    return paint(renamed[labels > 0], int(np.prod(shape))).reshape(shape)
