"""Masks inside JSON, made into labels or into objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from brightfield.errors import BrightfieldError, InvalidRows
from brightfield.images import rle
from brightfield.images.accounted import accounted
from brightfield.images.limits import Limits
from brightfield.metrics.reading.columns import wrong_row
from brightfield.metrics.reading.file_orientation import orientation_of
from brightfield.metrics.reading.mask_files import labels_of_file
from brightfield.metrics.reading.pictures import array_of, bytes_of, in_row

ClassMask = NDArray[np.int64]
"""(H, W) or (D, H, W) int64, not negative: a class or object per pixel, 0 the background."""

_FORMS = '{"png": base64}, {"rle": ...}, {"array": [[...]]} or {"npy": base64}'


@dataclass(frozen=True, eq=False)
class ReadMask:
    """A mask as it came: a label for each pixel; of objects that lie over one another the pixels of
    any, and the objects one by one. An empty list of objects is `blank`: it has no size. The labels
    of `listed` objects are their places in a list, which nobody chose."""

    labels: ClassMask
    overlapping: tuple[rle.Rle, ...] = ()
    shared: int = 0
    """How many pixels the objects have more than they cover."""
    blank: bool = False
    listed: bool = False
    turned: bool = False
    """Whether the file said that its pixels are to be turned, and they were."""

    def sized(self, other: ReadMask) -> ReadMask:
        """A blank mask of the other's size."""
        if not self.blank:
            return self
        return replace(self, labels=np.zeros_like(other.labels), blank=other.blank)

    def with_labels(self, labels: ClassMask) -> ReadMask:
        return replace(self, labels=labels)


def read_mask(value: Any, name: str, row: int, limits: Limits) -> ReadMask:
    """A mask in one of its forms; `png`, also called `data`, may be any image file of labels.

    `rle` is COCO's encoding of one object, or a list of them, which get the labels 1, 2, ...
    Raises `InvalidRows` with the row for what is no mask.
    """
    try:
        found = _mask(value, limits)
    except BrightfieldError as fault:
        raise in_row(fault, name, row) from None
    if found is None:
        raise wrong_row(name, row, f"a mask is {_FORMS}", value)
    if isinstance(found, ReadMask):
        return found
    return ReadMask(_integral(found.values, name, row), turned=found.turned)


@dataclass(frozen=True, eq=False)
class _Values:
    """Numbers that are perhaps no labels."""

    values: NDArray[Any]
    turned: bool = False


def _mask(value: Any, limits: Limits) -> ReadMask | _Values | None:
    """The pixels, or None for what has none of the forms."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    match value:
        case {"png": str(text)} | {"data": str(text)} | {"npy": str(text)}:
            data = bytes_of(text)
            labels = accounted(partial(labels_of_file, data), limits)
            return _Values(labels, turned=orientation_of(data) > 1)
        case {"array": list(rows)}:
            return _Values(array_of(rows, limits))
        case {"rle": list(several)}:
            return _objects(several, limits)
        case {"rle": dict(single)}:
            return _objects([single], limits)
    return None


def _objects(encoded: list[Any], limits: Limits) -> ReadMask:
    if not encoded:
        return ReadMask(np.zeros((1, 1), np.int64), blank=True, listed=True)
    found = [rle.Rle.parse(each) for each in encoded]
    shape = found[0].height, found[0].width
    limits.check_size(shape[1], shape[0])
    labels = rle.decode_labels(dict(enumerate(found, start=1)), shape).astype(np.int64)
    covered, areas = int(np.count_nonzero(labels)), sum(each.area for each in found)
    if areas == covered:
        return ReadMask(labels, listed=True)
    return ReadMask(np.minimum(labels, 1), tuple(found), areas - covered, listed=True)


def as_coco(objects: tuple[rle.Rle, ...]) -> list[dict[str, Any]]:
    """Objects as pycocotools takes them; empty ones are none."""
    encoded = [each.json() | {"counts": each.counts.encode("ascii")} for each in objects]
    return [each for each in encoded if coco_mask.area(each)]


def _integral(pixels: NDArray[Any], name: str, row: int) -> ClassMask:
    if pixels.ndim not in (2, 3):
        expected = "a mask has two or three dimensions"
        raise wrong_row(name, row, expected, f"an array of {pixels.ndim} dimensions")
    if pixels.dtype.kind == "f" and not np.array_equal(pixels, np.trunc(pixels)):
        expected = "a mask holds whole numbers; compare probabilities with a threshold first"
        raise wrong_row(name, row, expected, "an array with fractions or NaN")
    if pixels.min() < 0 or pixels.max() >= 2**31:
        expected = "labels are from 0 to 2^31 - 1; write void as 255, say, and send ignore=255"
        raise wrong_row(name, row, expected, "an array with others")
    return pixels.astype(np.int64)


def overlap_refused(found: ReadMask, name: str, row: int) -> InvalidRows:
    """Of objects that share pixels where a pixel has one class."""
    return InvalidRows(
        f"Objects of `{name}` of pair {row} share {found.shared:,} pixels, which then have several "
        "classes; send a mask for each pair without overlap, or mode=instance.",
        errors=[{"location": f"pairs.{row}.{name}", "row": row}],
    )
