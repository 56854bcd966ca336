"""Colour models other than RGB, brought to RGB without Pillow's 8-bit conversions."""

from __future__ import annotations

import numpy as np

from brightfield.images.picture import Note
from brightfield.tensors import Pixels

CMYK_CONVERTED = Note(
    "cmyk_converted",
    "CMYK inks were converted to RGB as (1 - ink)(1 - black), without a colour profile.",
)
PALETTE_CONVERTED = Note(
    "palette_converted", "The image has a palette; its indices were replaced by their RGB colours."
)
ALPHA_DROPPED = Note(
    "alpha_dropped",
    "The alpha channel was dropped; the colours are as stored, not blended with a background.",
)


def paper_to_rgb(uninked: Pixels) -> Pixels:
    """RGB (H, W, 3) from the paper that the four inks leave free, (H, W, 4) unsigned integers.

    With c = max - C and so on: red = c k / max, rounded; the same for green and blue.
    """
    limit = int(np.iinfo(uninked.dtype).max)
    # The product of two n-bit values, and half the limit above it, fit into 2 n bits.
    wide = np.dtype(f"u{2 * uninked.dtype.itemsize}")
    colors: Pixels = uninked[..., :3].astype(wide) * uninked[..., 3:4]
    return ((colors + limit // 2) // limit).astype(uninked.dtype)
