"""Any pixels at another size for the eye: averaged where they are made fewer, else repeated."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from brightfield.images.bands import in_bands
from brightfield.tensors import Pixels


def at_size(pixels: Pixels, height: int, width: int) -> Pixels:
    """(H, W, C) of any dtype as (height, width, C).

    Along a side that becomes shorter a value is the mean over the part of the picture that it
    stands for, the shares of cut pixels weighed; along one that becomes longer it is that of the
    pixel at its centre, so single pixels stay squares. Means are float32 for types of up to
    16 bits, else float64; a NaN makes a mean NaN.
    """
    if width < pixels.shape[1]:
        pixels = in_bands(pixels, lambda band: _averaged(band, len(band), width))
    elif width > pixels.shape[1]:
        pixels = pixels[:, _nearest(pixels.shape[1], width)]
    if height < pixels.shape[0]:
        return _averaged(pixels, height, pixels.shape[1])
    return pixels if height == pixels.shape[0] else pixels[_nearest(pixels.shape[0], height)]


def _averaged(pixels: Pixels, height: int, width: int) -> Pixels:
    exact = np.float32 if pixels.dtype.itemsize <= 2 else np.float64
    planes = [
        cv2.resize(
            np.ascontiguousarray(plane, exact), (width, height), interpolation=cv2.INTER_AREA
        )
        for plane in np.moveaxis(pixels, 2, 0)
    ]
    return np.stack(planes, axis=2)


def _nearest(length: int, wanted: int) -> NDArray[np.int64]:
    """The pixel under the centre of each of so many."""
    return (2 * np.arange(wanted, dtype=np.int64) + 1) * length // (2 * wanted)
