"""The part of an image that a what-if hides: a rectangle or a polygon in image pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidRegion
from brightfield.geometry import Geometry
from brightfield.images import shapes
from brightfield.images.shapes import PolygonCorners

__all__ = ["PolygonCorners", "mask_of", "parse_shape"]


def parse_shape(text: str) -> PolygonCorners:
    """`x,y,width,height`, or `x,y;x,y;x,y` of three corners or more.

    Raises `InvalidParameter`.
    """
    return shapes.parse_shape(text, "hide")


def mask_of(shape: PolygonCorners, geometry: Geometry) -> NDArray[np.bool_]:
    """(h, w) on the model's input grid: the pixels of the image whose centre lies in the shape.

    Where the outline crosses itself the even-odd rule holds. Raises `InvalidRegion` where no
    pixel is hidden: the shape lies outside what the model sees, or between pixel centres.
    """
    mask = shapes.covered(shape, geometry)
    if not mask.any():
        x, y, width, height = geometry.region_in_image
        raise InvalidRegion(
            "hide covers no pixel of the model's input, which lies at "
            f"x {x:.0f} to {x + width:.0f}, y {y:.0f} to {y + height:.0f} of the image."
        )
    return mask
