"""Objects told apart in maps.

They are numbered 1..n in reading order of their first pixels, so that the same maps always give
the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
import skimage
from numpy.typing import NDArray

from brightfield.cards import Instances
from brightfield.images.labels import Labels
from brightfield.tasks.objects.maps import Maps
from brightfield.tensors import Map

_NEIGHBOURS = np.ones((3, 3), bool)


def rules_at(rules: Instances, step: float) -> Instances:
    """The rules for maps of `step` pixels along a side for each of the model's input."""
    if step == 1:
        return rules
    area = max(1, round(rules.min_area * step**2))
    return rules.model_copy(update={"smoothing": rules.smoothing * step, "min_area": area})


def components(classes: NDArray[np.int32]) -> tuple[Labels, NDArray[np.int32]]:
    """The 8-connected parts of one class each, of a class image (H, W) with 0 as background.

    Returns the label image and the class of each part.
    """
    labels: Labels = skimage.measure.label(classes, background=0, connectivity=2).astype(np.int32)  # type: ignore[no-untyped-call]
    return _in_reading_order(labels, classes)


def instances(
    maps: Maps, rules: Instances, *, threshold: float
) -> tuple[Labels, NDArray[np.float64]]:
    """The objects of a foreground, told apart where they touch.

    The first map is the probability of the foreground, which is where it is at least `threshold`;
    the second says how near a pixel is to the middle of its object (1 there, 0 at its edge).
    Smoothed, and nowhere below 0, that nearness is a height. Each of its local maxima in the
    foreground begins a basin, and a watershed deals the foreground out among them. Of two that
    adjoin one is made where the saddle between them is at least `rules.saddle` times the lower of
    their peaks, the highest saddles first; what one has become then counts with its higher peak.

    Returns the label image and each object's mean foreground probability. Constant memory per
    pixel, and time in proportion to pixels times the logarithm of their number.

    Source: P. Soille, "Morphological Image Analysis", 2003, chapters 6 and 9 (the dynamics of a
    maximum, here relative to its height).
    """
    foreground, nearness = maps[:2]
    height = np.maximum(scipy.ndimage.gaussian_filter(nearness, rules.smoothing), 0)
    basins = _basins(height, foreground >= threshold)
    owners = _merged(basins, height, rules.saddle)
    labels, _ = _in_reading_order(owners[basins])
    areas = np.bincount(labels.reshape(-1), minlength=1)[1:]
    total = np.bincount(labels.reshape(-1), foreground.reshape(-1), minlength=1)[1:]
    return labels, np.clip(total / np.maximum(areas, 1), 0, 1)


def _basins(height: Map, foreground: NDArray[np.bool_]) -> Labels:
    """A number for each local maximum in the foreground (a plateau is one), and for what lies
    around it; parts of the foreground that reach no maximum of their own get one each."""
    tops = foreground & (height == scipy.ndimage.maximum_filter(height, footprint=_NEIGHBOURS))
    seeds, count = scipy.ndimage.label(tops, structure=_NEIGHBOURS)
    basins: Labels = skimage.segmentation.watershed(-height, seeds, connectivity=2, mask=foreground)  # type: ignore[no-untyped-call]
    rest, more = scipy.ndimage.label(foreground & (basins == 0), structure=_NEIGHBOURS)
    if more:
        basins = np.where(rest > 0, rest + count, basins)
    return basins.astype(np.int32, copy=False)


def _merged(basins: Labels, height: Map, saddle: float) -> Labels:
    """(n + 1,): for each basin the one that it becomes part of; the background stays 0."""
    peaks = np.zeros(int(basins.max(initial=0)) + 1, np.float32)
    np.maximum.at(peaks, basins.reshape(-1), height.reshape(-1))
    tops: list[float] = peaks.tolist()
    owners = list(range(len(tops)))

    def owner(basin: int) -> int:
        while owners[basin] != basin:
            owners[basin] = basin = owners[owners[basin]]
        return basin

    for one, other, level in _saddles(basins, height):
        lower, upper = sorted((owner(one), owner(other)), key=lambda basin: (tops[basin], -basin))
        if level >= saddle * tops[lower]:
            owners[lower] = upper
    return np.array([owner(basin) for basin in range(len(owners))], np.int32)


def _saddles(basins: Labels, height: Map) -> list[tuple[int, int, float]]:
    """Pairs of adjoining basins, each with the height of the highest way across; highest first."""
    count = int(basins.max(initial=0)) + 1
    pairs, levels = [], []
    for (one, low), (other, high) in _adjoining(basins, height):
        across = (one != other) & (one > 0) & (other > 0)
        first, second = one[across].astype(np.int64), other[across].astype(np.int64)
        pairs.append(np.minimum(first, second) * count + np.maximum(first, second))
        levels.append(np.minimum(low[across], high[across]))
    known, which = np.unique(np.concatenate(pairs), return_inverse=True)
    highest = np.zeros(len(known), np.float32)
    np.maximum.at(highest, which, np.concatenate(levels))
    order = np.argsort(-highest, kind="stable")
    ones, others = np.divmod(known[order], count)
    return list(zip(ones.tolist(), others.tolist(), highest[order].tolist(), strict=True))


def _adjoining(*arrays: NDArray[Any]) -> list[list[tuple[NDArray[Any], ...]]]:
    """For each of the four directions to a neighbour: the arrays here, and the arrays there."""
    every, ahead, behind = slice(None), slice(1, None), slice(None, -1)
    directions = [
        ((every, behind), (every, ahead)),
        ((behind, every), (ahead, every)),
        ((behind, behind), (ahead, ahead)),
        ((behind, ahead), (ahead, behind)),
    ]
    return [
        [tuple(array[side] for array in arrays) for side in direction] for direction in directions
    ]


def _in_reading_order(
    labels: Labels, values: NDArray[np.int32] | None = None
) -> tuple[Labels, NDArray[np.int32]]:
    """The labels as 1..n in the order of their first pixels, and the `values` at these."""
    flat = labels.reshape(-1)
    inside = np.flatnonzero(flat)[::-1]
    first = np.full(int(flat.max(initial=0)) + 1, -1)
    first[flat[inside]] = inside  # of several the last assignment stays: the first pixel
    old = np.flatnonzero(first >= 0)
    old = old[np.argsort(first[old])]
    numbers = np.zeros(len(first), np.int32)
    numbers[old] = np.arange(1, len(old) + 1)
    taken = flat if values is None else values.reshape(-1)
    return numbers[labels], taken[first[old]]
