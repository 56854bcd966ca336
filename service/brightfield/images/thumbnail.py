"""Thumbnails: small JPEG pictures by which people know images again."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from brightfield.tensors import Pixels
from brightfield_painting import display

SIDE = 96
"""Pixels of the longer side, at most."""

_QUALITY = 88
_GRID = 32


def thumbnail(pixels: Pixels) -> bytes:
    """Any (H, W, C) as a JPEG whose longer side has 96 pixels or fewer, in proportion."""
    height, width = pixels.shape[:2]
    factor = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if pixels.dtype == np.uint8 and factor < 1:  # fewer pixels are quicker to be made RGB
        pixels = _reduced(pixels, size)
    shown = _reduced(display(pixels), size)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(shown), quality=_QUALITY))


def opened(data: bytes) -> NDArray[np.uint8]:
    """The (h, w, 3) RGB pixels of a thumbnail."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"))


def pixel_vector(data: bytes) -> NDArray[np.float32]:
    """A thumbnail as a vector (3072,): 32 x 32 pixels of RGB, 0 to 1, proportions given up."""
    pixels = cv2.resize(opened(data), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    return np.asarray(pixels.reshape(-1) / 255, np.float32)


def _reduced(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    if pixels.shape[1::-1] == size:
        return pixels
    made = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
    return made if made.ndim == 3 else made[..., None]
