"""Hiding parts of an image: a window, or the rectangle or polygon of a what-if."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.errors import InvalidRegion
from brightfield.geometry import Geometry
from brightfield.images import shapes
from brightfield.images.shapes import PolygonCorners
from brightfield.tensors import Images

__all__ = ["PolygonCorners", "hidden_image", "mask_of", "parse_shape"]


def hidden_image(
    images: Images, fill: Images, rows: tuple[int, int], cols: tuple[int, int]
) -> torch.Tensor:
    """(C, H, W): the image (1, C, H, W) with a window of `fill` (1, C, H, W) over it."""
    hidden = images[0].clone(memory_format=torch.preserve_format)
    place = (..., slice(*rows), slice(*cols))
    hidden[place] = fill[0][place]
    return hidden


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
