"""A map laid over its picture, so that the picture shows where the map is silent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brightfield.images.colormaps import heatmap, strength
from brightfield.images.intensity import Intensity, limits, scale
from brightfield.images.luma import LUMA
from brightfield.tensors import Map, Pixels

# What the model never saw is shown darker.
_DIMMED = 0.45


def display(pixels: Pixels) -> NDArray[np.uint8]:
    """Any (H, W, C) as (H, W, 3) RGB for the eye.

    8-bit colour as it is, other dtypes by percentiles; grey is repeated, of more than three
    channels the first three are shown, a second of two is green.
    """
    if pixels.dtype != np.uint8:
        _, low, high, _ = limits(pixels, Intensity("percentile:1,99.8"))
        pixels = np.rint(scale(pixels, low, high) * 255).astype(np.uint8)
    channels = pixels.shape[2]
    if channels == 1:
        return np.repeat(pixels, 3, axis=2)
    if channels == 2:
        return np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=2)
    return np.ascontiguousarray(pixels[..., :3])


def overlay(
    picture: NDArray[np.uint8],
    values: Map,
    *,
    signed: bool,
    alpha: float = 0.6,
    region: tuple[float, float, float, float] | None = None,
) -> NDArray[np.uint8]:
    """(H, W, 3) RGB with the map (H, W) over it, at most `alpha` opaque where it is strongest.

    The picture is greyed first, so that its colours are not taken for the map's. Opacity grows
    with the value (of signed maps with the square root of |value|, since their weak colours are
    pale). Outside `region` (x, y, width, height) the picture is dimmed and the map not drawn.
    """
    level = strength(values)
    opacity = alpha * (np.sqrt(np.abs(level)) if signed else np.clip(level, 0, 1))
    ground = _greyed(picture)
    if region is not None:
        inside = _inside(region, values.shape)
        ground = np.where(inside[..., None], ground, ground * _DIMMED)
        opacity = np.where(inside, opacity, 0.0)
    mixed = ground + opacity[..., None] * (heatmap(values, signed=signed) - ground)
    return np.rint(mixed).astype(np.uint8)


def _greyed(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Two thirds of the way to grey by ITU-R 601 luma."""
    color = picture.astype(np.float32)
    luma = color @ LUMA
    return color + np.float32(2 / 3) * (luma[..., None] - color)


def _inside(region: tuple[float, float, float, float], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels (H, W) whose centres lie in the region."""
    x, y, width, height = region
    ys, xs = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
    return np.outer((ys >= y) & (ys < y + height), (xs >= x) & (xs < x + width))
