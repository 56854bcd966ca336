"""Resizing, antialiased, for 8-bit and float pixels."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from brightfield.images import bands
from brightfield.tensors import Pixels

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resize(
    pixels: Pixels,
    height: int,
    width: int,
    interpolation: Interpolation,
    box: tuple[float, float, float, float] | None = None,
) -> Pixels:
    """(H, W, C) uint8 or float32 to (height, width, C) of the same dtype.

    `box` (left, top, right, bottom) is the part that is resized, at any fraction of a pixel; what
    lies around it counts where the filter reaches there. Default: all.

    Pillow's filters, which widen with the reduction (antialiasing), as torchvision uses them on
    images. Float values may overshoot [0, 1] by the cubic and Lanczos filters' lobes; 8-bit ones
    are rounded and clipped. The filters are separable, and Pillow goes across before it goes down:
    a large picture is made narrow in bands first, which changes nothing.
    """
    kernel = _FILTERS[interpolation]
    if box is not None:
        return _resized(pixels, height, width, kernel, box)
    if width != pixels.shape[1] and pixels.shape[0] * pixels.shape[1] > bands.AT_ONCE:
        pixels = bands.in_bands(pixels, lambda band: _resized(band, len(band), width, kernel))
    return _resized(pixels, height, width, kernel)


def _resized(
    pixels: Pixels,
    height: int,
    width: int,
    kernel: Image.Resampling,
    box: tuple[float, float, float, float] | None = None,
) -> Pixels:
    if box is None and pixels.shape[:2] == (height, width):
        return pixels
    if pixels.dtype == np.uint8 and pixels.shape[2] == 3:
        return np.asarray(Image.fromarray(pixels).resize((width, height), kernel, box))
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(plane)).resize((width, height), kernel, box)
        )
        for plane in np.moveaxis(pixels, 2, 0)
    ]
    return np.stack(planes, axis=2)
