"""A map laid over its picture, so that the picture shows where the map is silent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brightfield_painting.arrays import Map, Rgb
from brightfield_painting.colormaps import heatmap, strength
from brightfield_painting.luma import LUMA
from brightfield_painting.placement import Rectangle
from brightfield_painting.placement import inside as inside_region

# What the model never saw is shown darker.
_DIMMED = 0.45


def overlay(
    picture: Rgb,
    values: Map,
    *,
    signed: bool,
    alpha: float = 0.6,
    region: Rectangle | None = None,
) -> Rgb:
    """(H, W, 3) RGB with the map (H, W) over it, at most `alpha` opaque where it is strongest.

    The picture is greyed first, so that its colours are not taken for the map's. Opacity grows
    with the value (of signed maps with the square root of |value|, since their weak colours are
    pale). Outside `region` (x, y, width, height) the picture is dimmed and the map not drawn.
    """
    level = strength(values)
    opacity = alpha * (np.sqrt(np.abs(level)) if signed else np.clip(level, 0, 1))
    ground = _greyed(picture)
    if region is not None:
        inside = inside_region(region, values.shape)
        ground = np.where(inside[..., None], ground, ground * _DIMMED)
        opacity = np.where(inside, opacity, 0.0)
    mixed = ground + opacity[..., None] * (heatmap(values, signed=signed) - ground)
    return np.rint(mixed).astype(np.uint8)


def _greyed(picture: Rgb) -> NDArray[np.float32]:
    """Two thirds of the way to grey by ITU-R 601 luma."""
    color = picture.astype(np.float32)
    luma = color @ LUMA
    return color + np.float32(2 / 3) * (luma[..., None] - color)
