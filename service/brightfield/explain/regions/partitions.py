"""How the model's input is divided into regions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import skimage
from numpy.typing import NDArray

from brightfield.cards import InputSpec
from brightfield.errors import InvalidRegion
from brightfield.explain.regions.regions import MOST_REGIONS
from brightfield.geometry import Axis, Geometry
from brightfield.images.labels import Labels
from brightfield.images.shapes import covered, parse_shape
from brightfield.tensors import Images, Indices, UnitPixels


def grid(size: tuple[int, int], rows: int, cols: int) -> Labels:
    """Cells of equal size (but for a pixel), numbered from 1 row by row.

    Cell i of n over D pixels is [round(i D / n), round((i + 1) D / n)); of more cells than pixels
    some are empty.
    """
    ys, xs = (
        np.searchsorted(np.round(np.arange(1, count) * side / count), np.arange(side), "right")
        for side, count in zip(size, (rows, cols), strict=True)
    )
    return (ys[:, None] * cols + xs + 1).astype(np.int32)


def superpixels(images: Images, spec: InputSpec, count: int, compactness: float) -> Labels:
    """About `count` superpixels of `images` (1, C, h, w), numbered from 1, at most `MOST_REGIONS`.

    SLIC (Achanta et al. 2012) on the values before mean and standard deviation, in Lab where there
    are three channels; on raw arrays, stretched to [0, 1]. Raises `InvalidRegion` for an image
    that it does not divide.
    """
    pixels, wanted = _unit_pixels(images, spec), count
    color = pixels.shape[2] == 3 and spec.pixels != "raw"
    while True:
        labels: Labels = skimage.segmentation.slic(
            pixels, wanted, compactness, convert2lab=color, start_label=1, channel_axis=2
        ).astype(np.int32)
        if labels.max() == 1:
            raise InvalidRegion(
                "SLIC finds no parts in the image: it is one superpixel. Raise compactness, or use "
                "regions=grid."
            )
        if labels.max() <= MOST_REGIONS:
            return labels
        wanted -= 1  # it gives about as many as it is asked for


def outlined(shapes: Iterable[str], geometry: Geometry) -> Labels:
    """The pixels whose centre lies in a shape, numbered from 1; of several, the first counts."""
    labels: Labels = np.zeros(geometry.input_size, np.int32)
    for number, text in enumerate(shapes, 1):
        inside = covered(parse_shape(text, "shapes"), geometry)
        labels[inside & (labels == 0)] = number
    return labels


def on_input(labels: Labels, geometry: Geometry) -> Labels:
    """(h, w): for each pixel of the input the label, in the image (H, W), where its centre lies;
    0 where it shows nothing of the image."""
    rows, cols = _places(geometry.y), _places(geometry.x)
    found = labels[rows.clip(0)[:, None], cols.clip(0)]
    return np.where((rows >= 0)[:, None] & (cols >= 0), found, 0).astype(np.int32)


def _places(axis: Axis) -> Indices:
    """The pixel of the image below the centre of each pixel of the input; -1 outside."""
    centres = axis.to_image(np.arange(axis.inputs, dtype=np.float64) + 0.5)
    low, high = axis.covered
    inside = (centres >= low) & (centres < high)
    places = np.floor(centres).astype(np.int64).clip(0, axis.pixels - 1)
    return np.where(inside, places, -1)


def _unit_pixels(images: Images, spec: InputSpec) -> UnitPixels:
    """(h, w, C) in [0, 1]."""
    values: NDArray[np.float64] = images[0].double().permute(1, 2, 0).numpy()
    if spec.pixels == "raw":
        low, high = values.min(), values.max()
        unit = (values - low) / ((high - low) or 1.0)
    else:
        unit = (values * np.asarray(spec.std) + np.asarray(spec.mean)).clip(0, 1)
    if spec.order == "BGR":
        unit = unit[..., ::-1]
    pixels: UnitPixels = unit.astype(np.float32)
    return pixels
