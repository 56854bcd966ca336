"""Masks as COCO writes them: polygons, or runs of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from brightfield.errors import BrightfieldError
from brightfield.images.limits import Limits
from brightfield.images.rle import Rle
from brightfield.metrics.reading.columns import wrong_row


@dataclass(frozen=True, slots=True)
class CocoMask:
    """A mask of (height, width) in compressed counts, as pycocotools takes it."""

    size: tuple[int, int]
    text: str

    @property
    def coco(self) -> dict[str, Any]:
        return {"size": list(self.size), "counts": self.text.encode("ascii")}

    @property
    def counts(self) -> bytes:
        return self.text.encode("ascii")

    @property
    def area(self) -> int:
        return int(coco_mask.area(self.coco))


def read_coco_mask(
    value: Any, size: tuple[Any, Any], name: str, row: int, limits: Limits
) -> CocoMask:
    """A mask of an image of (height, width) `size`, which only polygons need.

    Everything is checked before pycocotools sees it: its C code trusts its input. Raises
    `InvalidRows` with the row, or `TooManyPixels`.
    """
    if isinstance(value, dict):
        try:
            rle = Rle.parse(value)
        except BrightfieldError as fault:
            raise wrong_row(name, row, fault.detail.rstrip("."), value) from None
        limits.check_size(max(1, rle.width), max(1, rle.height))
        if None not in size and size != (rle.height, rle.width):
            raise wrong_row(name, row, f"the image has the size {size}", value)
        return CocoMask((rle.height, rle.width), rle.counts)
    if not _is_size(size):
        raise wrong_row(name, row, "polygons need the image's `height` and `width`", size)
    height, width = size
    limits.check_size(width, height)
    if not isinstance(value, list) or not value:
        raise wrong_row(name, row, "polygons or a run-length encoding are expected", value)
    for polygon in value:
        if not _is_polygon(polygon, height, width):
            expected = "a polygon is a list x, y, x, y, ... of three corners or more near the image"
            raise wrong_row(name, row, expected, polygon)
    parts = coco_mask.frPyObjects([[float(n) for n in polygon] for polygon in value], height, width)
    merged = coco_mask.merge(parts)
    return CocoMask((height, width), merged["counts"].decode("ascii"))


def _is_size(size: tuple[Any, Any]) -> bool:
    return all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in size)


def _is_polygon(polygon: Any, height: int, width: int) -> bool:
    """Numbers in pairs; corners far outside would only cost memory."""
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        return False
    if not all(type(number) in (int, float) for number in polygon):
        return False
    x, y = np.array(polygon, np.float64).reshape(-1, 2).T
    near = (-width <= x) & (x <= 2 * width) & (-height <= y) & (y <= 2 * height)
    return bool(near.all())
