"""How much detections and objects overlap, where they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from brightfield.metrics.reading.coco import CocoObject
from brightfield.progress import STILL_WANTED, Progress

Hits = list[list[tuple[int, float]]]
"""For each detection the objects that it overlaps enough, ascending, and by how much (IoU)."""

# Overlaps that are found at once; a field of thousands of cells would have millions.
_BLOCK = 500_000


def overlaps(
    found: Sequence[CocoObject], true: Sequence[CocoObject], least: float, progress: Progress
) -> Hits:
    """IoU by pycocotools, where it reaches `least`; of a crowd the share of the detection in it.

    All have masks, or none: then their boxes are compared.
    """
    if not found or not true:
        return [[] for _ in found]
    hits: Hits = []
    crowd = [int(thing.crowd) for thing in true]
    size = max(1, _BLOCK // len(true))
    for start in range(0, len(found), size):
        progress(STILL_WANTED)
        sides = (_shapes(things) for things in (found[start : start + size], true))
        table: NDArray[np.float64] = np.asarray(coco_mask.iou(*sides, crowd))
        for row in table:
            places = np.flatnonzero(row >= least)
            hits.append(list(zip(places.tolist(), row[places].tolist(), strict=True)))
    return hits


def _shapes(things: Sequence[CocoObject]) -> Any:
    """As pycocotools takes them."""
    masks = [thing.mask.coco for thing in things if thing.mask is not None]
    return masks or np.array([thing.box for thing in things], np.float64)
