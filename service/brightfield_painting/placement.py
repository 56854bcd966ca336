"""A map on the model's input grid, resampled into the pixels of the image.

Coordinates are those of pixel edges, with the origin at the outer corner of the top-left pixel.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from brightfield_painting.arrays import Map

Rectangle = tuple[float, float, float, float]
"""x, y, width, height in pixels of the image."""


def place(values: Map, size: tuple[int, int], extent: Rectangle, region: Rectangle) -> Map:
    """The map (h, w) as (H, W) over an image of `size` (H, W).

    `extent` is where the whole map lies in the image, and may reach out of it where the input was
    padded; `region` is the part of it that shows the image. Bilinear between the centres of cells,
    constant beyond the outermost ones, averaged where the image is the coarser grid; 0 outside
    `region`.
    """
    image = np.zeros(size, dtype=np.float32)
    left, right = _centres(region[0], region[2], size[1])
    top, bottom = _centres(region[1], region[3], size[0])
    if right <= left or bottom <= top:
        return image
    across = _span(extent[0], extent[2], left, right, values.shape[1])
    down = _span(extent[1], extent[3], top, bottom, values.shape[0])
    # Pillow wants the sampled box within the array, and pixels at the rim reach half out of it.
    rim_x, rim_y = _rim(*across, values.shape[1]), _rim(*down, values.shape[0])
    padded = np.pad(values.astype(np.float32, copy=False), ((rim_y,) * 2, (rim_x,) * 2), "edge")
    box = (across[0] + rim_x, down[0] + rim_y, across[1] + rim_x, down[1] + rim_y)
    shape = (right - left, bottom - top)
    resized = Image.fromarray(padded).resize(shape, Image.Resampling.BILINEAR, box=box)
    image[top:bottom, left:right] = np.asarray(resized)
    return image


def inside(region: Rectangle, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels (H, W) whose centres lie in the region."""
    x, y, width, height = region
    ys, xs = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
    return np.outer((ys >= y) & (ys < y + height), (xs >= x) & (xs < x + width))


def _centres(low: float, length: float, pixels: int) -> tuple[int, int]:
    """The pixels [first, last) whose centres lie in [low, low + length)."""
    first = max(0, math.ceil(low - 0.5))
    return first, max(first, min(pixels, math.ceil(low + length - 0.5)))


def _span(origin: float, length: float, first: int, last: int, cells: int) -> tuple[float, float]:
    """The image's pixels [first, last) in cells of the map."""
    scale = cells / length
    return (first - origin) * scale, (last - origin) * scale


def _rim(low: float, high: float, cells: int) -> int:
    return max(0, math.ceil(-low), math.ceil(high - cells))
