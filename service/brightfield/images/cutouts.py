"""Small parts of images, and of gradients by images, as pictures for the eye."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from brightfield.images.objects import Box
from brightfield.tensors import Pixels, Rgb
from brightfield_painting import display, scale, strength

_LONGEST = 256


def cut_out(pixels: Pixels, box: Box, limits: tuple[float, float] | None) -> Rgb:
    """Every pixel of (H, W, C) that the box touches, reduced where a side has more than 256.

    `limits` are the values that become black and white where pixels have not 8 bits.
    """
    height, width = pixels.shape[:2]
    top, bottom = _touched(box.ymin, box.ymax, height)
    left, right = _touched(box.xmin, box.xmax, width)
    part = pixels[top:bottom, left:right]
    if limits is not None and part.dtype != np.uint8:
        part = np.rint(scale(part, *limits) * 255).astype(np.uint8)
    return _reduced(display(part))


def gradient_picture(gradient: NDArray[np.float32], box: Box, *, bgr: bool) -> Rgb:
    """The part of (C, H, W) that the box touches: 0 is middle grey, and the 99.5th percentile of
    the magnitudes is black or white.

    Three channels are red, green and blue (`bgr`: the other way round); of any other number the
    strongest at each pixel is shown, in grey.
    """
    top, bottom = _touched(box.ymin, box.ymax, gradient.shape[1])
    left, right = _touched(box.xmin, box.xmax, gradient.shape[2])
    part = gradient[:, top:bottom, left:right]
    if len(part) != 3:
        strongest = np.abs(part).argmax(axis=0, keepdims=True)
        part = np.repeat(np.take_along_axis(part, strongest, axis=0), 3, axis=0)
    level = strength(part[::-1] if bgr else part)
    shown = np.rint(127.5 + 127.5 * level).astype(np.uint8).transpose(1, 2, 0)
    return _reduced(np.ascontiguousarray(shown))


def _touched(low: float, high: float, side: int) -> tuple[int, int]:
    """Whole pixels, at least one; what lies within a millionth of an edge counts as on it."""
    first = min(max(0, math.floor(low + 1e-6)), side - 1)
    return first, max(first + 1, min(side, math.ceil(high - 1e-6)))


def _reduced(picture: Rgb) -> Rgb:
    height, width = picture.shape[:2]
    factor = _LONGEST / max(height, width)
    if factor >= 1:
        return picture
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
