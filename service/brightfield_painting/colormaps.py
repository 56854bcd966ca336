"""Maps as pictures, in colours whose lightness follows the value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield_painting.arrays import Map, Rgb
from brightfield_painting.inferno import INFERNO

# ColorBrewer's RdBu with eleven classes, from negative (blue) to positive (red); lightest at 0.
_DIVERGING = np.array(
    [
        (5, 48, 97),
        (33, 102, 172),
        (67, 147, 195),
        (146, 197, 222),
        (209, 229, 240),
        (247, 247, 247),
        (253, 219, 199),
        (244, 165, 130),
        (214, 96, 77),
        (178, 24, 43),
        (103, 0, 31),
    ],
    np.float64,
)
# The largest half percent must not make the rest invisible.
_QUANTILE = 99.5


@dataclass(frozen=True, slots=True)
class ColorScale:
    """Which values the ends of a map's colours stand for: `low` and `high`; `zero` is the value
    that is drawn as nothing, in the middle of a `signed` scale."""

    low: float
    high: float
    signed: bool
    zero: float = 0.0


def strength(values: Map) -> Map:
    """values / q, clipped to [-1, 1], with q the 99.5th percentile of |values|.

    What is not finite becomes 0.

    A map that is 0 nearly everywhere is scaled by its largest magnitude, one that is 0 everywhere
    stays 0.
    """
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    top = greatest(values)
    level = np.clip(finite, -top, top) / top if top > 0 else finite
    return level.astype(np.float32, copy=False)


def greatest(values: Map) -> float:
    """The magnitude that is drawn in full colour: `strength` divides by it."""
    magnitude = np.abs(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0))
    return float(np.percentile(magnitude, _QUANTILE)) or float(magnitude.max(initial=0.0))


def heatmap(values: Map, *, signed: bool) -> Rgb:
    """(H, W) to (H, W, 3) RGB: inferno from 0 upwards, or blue - white - red about 0."""
    return _colored(strength(values), signed=signed)


def color_bar(scale: ColorScale, width: int, height: int) -> Rgb:
    """(height, width, 3): the colours of the scale, from `low` at the left to `high`."""
    first = -1.0 if scale.signed else 0.0
    row = np.linspace(first, 1.0, width, dtype=np.float32)
    return np.repeat(_colored(row[None], signed=scale.signed), height, axis=0)


def _colored(level: Map, *, signed: bool) -> Rgb:
    """The colours of levels in [-1, 1]."""
    if signed:
        table = _interpolated(_DIVERGING, 511)
        colors: Rgb = table[np.rint((level + 1) * 255).astype(np.intp)]
        return colors
    return INFERNO[np.rint(np.clip(level, 0, 1) * 255).astype(np.uint8)]


def _interpolated(anchors: NDArray[np.float64], count: int) -> Rgb:
    places = np.linspace(0, len(anchors) - 1, count)
    channels = [np.interp(places, np.arange(len(anchors)), anchors[:, c]) for c in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
