"""The part of an image that a what-if hides: a rectangle or a polygon in image pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from brightfield.errors import InvalidParameter, InvalidRegion
from brightfield.geometry import Geometry

Shape = list[tuple[float, float]]
"""Corners (x, y) in image pixels, at least three."""

# Corners are drawn on a grid this much finer than the input, then sampled at pixel centres.
_FINER = 8


def parse_shape(text: str) -> Shape:
    """`x,y,width,height`, or `x,y;x,y;x,y` of three corners or more.

    Raises `InvalidParameter`.
    """
    try:
        points = [tuple(float(part) for part in pair.split(",")) for pair in text.split(";")]
    except ValueError:
        points = []
    if len(points) == 1 and len(points[0]) == 4:
        x, y, width, height = points[0]
        if width > 0 and height > 0:
            return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    if len(points) >= 3 and all(len(point) == 2 for point in points):
        return [(point[0], point[1]) for point in points]
    raise InvalidParameter(
        f"hide={text!r} is neither a rectangle x,y,width,height of positive size "
        "nor a polygon x,y;x,y;x,y of three corners or more."
    )


def mask_of(shape: Shape, geometry: Geometry) -> NDArray[np.bool_]:
    """(h, w) on the model's input grid: the pixels whose centre lies inside the shape.

    Raises `InvalidRegion` where no pixel does: the shape lies outside what the model sees, or is
    smaller than one of its pixels.
    """
    height, width = geometry.input_size
    corners = [geometry.point_to_input(x, y) for x, y in shape]
    mask = (
        _rectangle(corners, height, width) if _is_box(corners) else _polygon(corners, height, width)
    )
    if not mask.any():
        x, y, w, h = geometry.region_in_image
        raise InvalidRegion(
            "hide covers no pixel of the model's input, which lies at "
            f"x {x:.0f} to {x + w:.0f}, y {y:.0f} to {y + h:.0f} of the image."
        )
    return mask


def _is_box(corners: Shape) -> bool:
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners if len(corners) == 4 else [(0, 1)] * 4
    return y0 == y1 and x1 == x2 and y2 == y3 and x3 == x0


def _rectangle(corners: Shape, height: int, width: int) -> NDArray[np.bool_]:
    (x0, y0), _, (x1, y1), _ = corners
    ys, xs = np.arange(height) + 0.5, np.arange(width) + 0.5
    return np.outer((ys > y0) & (ys < y1), (xs > x0) & (xs < x1))


def _polygon(corners: Shape, height: int, width: int) -> NDArray[np.bool_]:
    canvas = Image.new("1", (width * _FINER, height * _FINER))
    ImageDraw.Draw(canvas).polygon([(x * _FINER, y * _FINER) for x, y in corners], fill=1)
    return np.asarray(canvas)[_FINER // 2 :: _FINER, _FINER // 2 :: _FINER]
