"""Pixels of any dtype, brought to [0, 1] or to 8 bits for the eye."""

from __future__ import annotations

from math import gcd, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield_painting.arrays import Pixels, Rgb, UnitPixels

# Percentiles of larger planes are of every n-th value: exact enough, and quick.
SAMPLE = 4_000_000
_SHOWN = (1.0, 99.8)  # the percentiles that become black and white


def display(pixels: Pixels) -> Rgb:
    """Any (H, W, C) as (H, W, 3) RGB for the eye.

    8-bit colour as it is, other dtypes by percentiles; grey is repeated, of more than three
    channels the first three are shown, a second of two is green.
    """
    if pixels.dtype != np.uint8:
        low, high = _extremes(pixels)
        pixels = np.rint(scale(pixels, low, high) * 255).astype(np.uint8)
    channels = pixels.shape[2]
    if channels == 1:
        return np.repeat(pixels, 3, axis=2)
    if channels == 2:
        return np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=2)
    return np.ascontiguousarray(pixels[..., :3])


def scale(pixels: Pixels, low: float, high: float) -> UnitPixels:
    """clip((value - low) / (high - low), 0, 1) as float32; NaN becomes 0, and so does everything
    where `low` equals `high`."""
    if not high > low:
        return np.zeros(pixels.shape, np.float32)
    # In float64 before the division where float32 could not hold the values apart.
    exact = np.dtype(np.float32 if pixels.dtype.itemsize <= 2 else np.float64)
    bottom, span = np.array(low, exact), np.array(high - low, exact)
    with np.errstate(all="ignore"):  # infinite pixels and spans end at 0 or 1
        unit: Pixels = pixels.astype(exact)
        unit -= bottom  # in place: a plane may be as large as memory allows
        unit /= span
    np.nan_to_num(unit, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
    np.clip(unit, 0.0, 1.0, out=unit)
    clipped: UnitPixels = unit.astype(np.float32, copy=False)
    return clipped


def percentiles(pixels: Pixels, low: float, high: float) -> tuple[float, float, NDArray[Any]]:
    """Two percentiles of the finite values of all channels together, and the values themselves.

    Large planes are judged by an even sample, unless the least and the greatest value are asked
    for. Without any finite value both are 0.
    """
    # A sample would miss the extremes.
    values = finite(pixels.reshape(-1)) if (low, high) == (0, 100) else sample(pixels)
    if not values.size:
        return 0.0, 0.0, values
    if (low, high) == (0, 100):
        return float(values.min()), float(values.max()), values
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.percentile(values, (low, high))
    return float(found[0]), float(found[1]), values


def sample(pixels: Pixels, most: int = SAMPLE) -> NDArray[Any]:
    """The finite values; of many more than `most`, an even sample."""
    flat = pixels.reshape(-1)
    step = max(1, flat.size // most)
    # A step that shares a factor with a row would only ever meet some columns or channels.
    while step > 1 and gcd(step, pixels.shape[1] * pixels.shape[2]) > 1:
        step += 1
    return finite(flat[::step])


def finite(flat: NDArray[Any]) -> NDArray[Any]:
    """The finite values; half precision as single."""
    if flat.dtype.kind != "f":
        return flat
    known: NDArray[Any] = flat[np.isfinite(flat)]
    return known.astype(np.float32) if known.dtype == np.float16 else known


def _extremes(pixels: Pixels) -> tuple[float, float]:
    """The values that are shown black and white."""
    low, high, values = percentiles(pixels, *_SHOWN)
    if not values.size or (low < high and isfinite(high - low)):
        return low, high
    # A few bright pixels on a flat ground: what the percentiles miss still tells them apart.
    return float(values.min()), float(values.max())
