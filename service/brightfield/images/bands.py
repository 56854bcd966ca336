"""A large picture some rows at a time.

Pillow keeps four bytes for each pixel of three: a copy of a whole picture would take more memory
than the picture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from brightfield.tensors import Pixels

AT_ONCE = 1 << 22
"""Pixels."""


def in_bands(pixels: Pixels, made: Callable[[Pixels], Pixels]) -> Pixels:
    """What `made` makes of bands of rows, below one another; of a small picture all at once."""
    height, width = pixels.shape[:2]
    rows = max(1, AT_ONCE // max(1, width))
    if rows >= height:
        return made(pixels)
    return np.concatenate([made(pixels[at : at + rows]) for at in range(0, height, rows)])
