"""What a type of numbers holds: often a picture of fewer bits than it has room for."""

from __future__ import annotations

from typing import Any

import numpy as np

from brightfield.tensors import Pixels

_LOOK_FIRST = 4096
_ROUNDING = 1e-4
# The greatest values of cameras and files, as numbers of bits.
_DEPTHS = (8, 10, 12, 14)


def in_eight_bits(pixels: Pixels) -> tuple[Pixels, float]:
    """The picture in 8 bits and the value of one step, where that loses nothing: of uint16 that is
    257 times an 8-bit value, and floats that are such values over 255. Others as they are, with 1.
    """
    unit = _unit(pixels.dtype)
    if unit is None:
        return pixels, 1.0
    if _steps(pixels.reshape(-1)[:_LOOK_FIRST], unit) is None:
        return pixels, 1.0
    steps = _steps(pixels, unit)
    return (pixels, 1.0) if steps is None else (steps, unit)


def _unit(dtype: np.dtype[Any]) -> float | None:
    if dtype.kind == "u" and dtype.itemsize in (2, 4):
        return float(np.iinfo(dtype).max // 255)
    return 1 / 255 if dtype.kind == "f" and dtype.itemsize >= 4 else None


def _steps(values: Pixels, unit: float) -> Pixels | None:
    """The values in steps of `unit` as 8 bits, None where they aren't whole steps from 0 to 255."""
    if values.dtype.kind == "u":
        whole = values.dtype.type(int(unit))
        return None if (values % whole).any() else (values // whole).astype(np.uint8)
    if not values.size or not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        return None
    steps = values * values.dtype.type(255)
    nearest = np.rint(steps)
    return nearest.astype(np.uint8) if (np.abs(steps - nearest) <= _ROUNDING).all() else None


def range_held(dtype: np.dtype[Any], least: float, greatest: float) -> tuple[float, float] | None:
    """The range that whole numbers from `least` to `greatest` were made for: 0 to the greatest of
    8, 10, 12 or 14 bits, of 16 in wider types, or of the type; None for negative ones."""
    if least < 0:
        return None
    own = float(np.iinfo(dtype).max) if dtype.kind in "ui" else 2.0**32 - 1
    depths = _DEPTHS if own <= 65535 else (*_DEPTHS, 16)
    return 0.0, next((2.0**bits - 1 for bits in depths if greatest < 2**bits), own)
