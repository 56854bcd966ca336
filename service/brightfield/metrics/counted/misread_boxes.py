"""Detected boxes that fit the true ones if their four numbers are read in another way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from brightfield.images.picture import Note
from brightfield.metrics.reading.coco import CocoDataset

Boxes = NDArray[np.float64]
"""(n, 4) float64."""

# Fewer true objects are seen than this share, and this many times more by another reading.
_SELDOM, _MORE = 0.5, 2
_MATCH = 0.5
# Overlaps of all pairs are found at once.
_MOST = 4_000_000


def _corners(boxes: Boxes) -> Boxes:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _centred(boxes: Boxes) -> Boxes:
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]], axis=1)


def _turned(boxes: Boxes) -> Boxes:
    return boxes[:, [1, 0, 3, 2]]


_READINGS: Mapping[str, Callable[[Boxes], Boxes]] = {
    "x1, y1, x2, y2": _corners,
    "centre x, centre y, width, height": _centred,
    "y, x, height, width": _turned,
    "y1, x1, y2, x2": lambda boxes: _turned(_corners(boxes)),
}


def misread_boxes(scene: CocoDataset) -> Iterator[Note]:
    """Of detections that see few true objects, and many if their boxes are read otherwise."""
    images = _by_image(scene)
    if not images or sum(len(a) * len(b) for a, b in images) > _MOST:
        return
    objects = sum(len(true) for true, _ in images)
    seen = sum(_seen(true, found) for true, found in images)
    if seen >= _SELDOM * objects:
        return
    others = {
        name: sum(_seen(true, reading(found)) for true, found in images)
        for name, reading in _READINGS.items()
    }
    best = max(others, key=lambda name: others[name])
    if others[best] > max(_MORE * seen, _SELDOM * objects):
        yield Note(
            "boxes_misread",
            f"{seen:,} of {objects:,} true objects have a detection at an IoU of at least "
            f"{_MATCH:g}, and {others[best]:,} would have one if the detected boxes were {best}. A "
            "box is x, y, width, height.",
        )


def _by_image(scene: CocoDataset) -> list[tuple[Boxes, Boxes]]:
    """True and detected boxes of each image that has both."""
    if scene.found and scene.found[0].mask is not None:
        return []
    sides: tuple[dict[int, list[tuple[float, ...]]], ...] = (defaultdict(list), defaultdict(list))
    for side, things in zip(sides, (scene.true, scene.found), strict=True):
        for thing in things:
            if not thing.crowd:
                side[thing.image].append(thing.box)
    both = sorted(sides[0].keys() & sides[1].keys())
    return [(np.array(sides[0][image]), np.array(sides[1][image])) for image in both]


def _seen(true: Boxes, found: Boxes) -> int:
    """True boxes that a detected one overlaps well; boxes without an area overlap nothing."""
    whole = found[(found[:, 2:] > 0).all(axis=1)]
    if not len(whole):
        return 0
    overlaps = np.asarray(coco_mask.iou(whole, true, [False] * len(true)))
    return int((overlaps.max(axis=0) >= _MATCH).sum())
