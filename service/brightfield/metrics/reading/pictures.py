"""Images and masks inside JSON, made into arrays."""

from __future__ import annotations

import base64
import binascii
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import BrightfieldError, InvalidRows
from brightfield.images import npy, rle
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.metrics.reading.columns import wrong_row

ClassMask = NDArray[np.int64]
"""(H, W) or (D, H, W) int64, not negative: a class or object per pixel, 0 the background."""

_FORMS = '{"png": base64}, {"rle": ...}, {"array": [[...]]} or {"npy": base64}'
_IMAGE_FORMS = '{"data": base64}, {"array": [[...]]} or {"npy": base64}'


def read_mask(value: Any, name: str, row: int, limits: Limits) -> ClassMask:
    """A mask in one of its forms; `png`, also called `data`, may be any image file of one channel.

    `rle` is COCO's encoding of one object, or a list of them, which get the labels 1, 2, ...
    Raises `InvalidRows` with the row for what is no mask.
    """
    try:
        pixels = _mask(value, limits)
    except BrightfieldError as fault:
        raise _of_row(fault, name, row) from None
    if pixels is None:
        raise wrong_row(name, row, f"a mask is {_FORMS}", value)
    return _integral(pixels, name, row)


def read_image(value: Any, name: str, row: int, limits: Limits) -> NDArray[Any]:
    """(H, W, C) of an image in one of its forms, in its own dtype.

    `data`, also called `png`, may be any image file.

    Raises `InvalidRows` with the row for what is no image.
    """
    try:
        match value:
            case {"data": str(text)} | {"png": str(text)} | {"npy": str(text)} if len(value) == 1:
                return decode(_bytes(text), limits=limits).pixels
            case {"array": list(rows)} if len(value) == 1:
                array = _array(rows, limits)
                if array.ndim in (2, 3):
                    return array if array.ndim == 3 else array[..., None]
    except BrightfieldError as fault:
        raise _of_row(fault, name, row) from None
    raise wrong_row(name, row, f"an image is {_IMAGE_FORMS}", value)


def _mask(value: Any, limits: Limits) -> NDArray[Any] | None:
    """The pixels, or None for what has none of the forms."""
    match value:
        case {"png": str(text)} | {"data": str(text)}:
            found = _grey(decode(_bytes(text), limits=limits).pixels)
        case {"npy": str(text)}:
            found = npy.values(_bytes(text), limits)
        case {"array": list(rows)}:
            found = _array(rows, limits)
        case {"rle": [*several]} if several:
            found = _objects(several, limits)
        case {"rle": dict(single)}:
            found = _objects([single], limits)
        case _:
            return None
    return found if len(value) == 1 else None


def _objects(encoded: list[Any], limits: Limits) -> NDArray[Any]:
    found = [rle.Rle.parse(each) for each in encoded]
    shape = found[0].height, found[0].width
    limits.check_size(shape[1], shape[0])
    return rle.decode_labels(dict(enumerate(found, start=1)), shape)


def _grey(pixels: NDArray[Any]) -> NDArray[Any]:
    if (pixels[..., 1:] != pixels[..., :1]).any():
        raise InvalidRows("A mask has one channel, and this picture has colours.")
    return pixels[..., 0]


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRows("This is not base64.") from None


def _array(rows: list[Any], limits: Limits) -> NDArray[Any]:
    values: list[Any] = rows
    while values and all(isinstance(value, list) for value in values):
        values = list(chain.from_iterable(values))
    # Texts of different lengths would all be made as long as the longest.
    if not set(map(type, values)) <= {bool, int, float}:
        raise InvalidRows("An array holds numbers alone, in rows of one length.")
    limits.check_size(len(values), 1)
    try:
        return np.array(rows)
    except (ValueError, OverflowError):
        raise InvalidRows("The rows of the array are not of one length.") from None


def _integral(pixels: NDArray[Any], name: str, row: int) -> ClassMask:
    if pixels.ndim not in (2, 3):
        expected = "a mask has two or three dimensions"
        raise wrong_row(name, row, expected, f"an array of {pixels.ndim} dimensions")
    if pixels.dtype.kind == "f" and not np.array_equal(pixels, np.trunc(pixels)):
        expected = "a mask holds whole numbers; compare probabilities with a threshold first"
        raise wrong_row(name, row, expected, "an array with fractions or NaN")
    if pixels.min() < 0 or pixels.max() >= 2**31:
        raise wrong_row(name, row, "labels are from 0 to 2^31 - 1", "an array with others")
    return pixels.astype(np.int64)


def _of_row(fault: BrightfieldError, name: str, row: int) -> BrightfieldError:
    """The same fault, which now says in which row it is."""
    errors = [{"location": f"{name}.{row}", "row": row, "expected": fault.detail}]
    return type(fault)(f"`{name}` of row {row}: {fault.detail}", errors=errors)
