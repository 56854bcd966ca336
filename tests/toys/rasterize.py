"""Outlines back to label images, to compare them with what they were traced from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from brightfield.images.contours import Polygon
from brightfield.images.labels import Labels
from brightfield.images.runs import LabelRuns, paint
from brightfield.tensors import Indices


def rasterize(outlines: Mapping[int, Iterable[Polygon]], shape: tuple[int, int]) -> Labels:
    """The label image (H, W) int32 of outlined objects: the inverse of `trace`.

    A pixel belongs to a polygon when a ray from its centre to the left crosses the rings an odd
    number of times; a centre on a line belongs to what lies at its right or below. Vertices may
    be fractions and lie outside the image. Where objects overlap, the later one's label stays.
    """
    height, width = shape
    polygons = [(label, polygon) for label, several in outlines.items() for polygon in several]
    if not polygons:
        return np.zeros(shape, np.int32)
    owner, row, column = _crossings([polygon for _, polygon in polygons], height, width)
    order = np.lexsort((column, row, owner))
    owner, row, column = owner[order], row[order], column[order]
    labels = np.array([label for label, _ in polygons], np.int64)
    # A closed line crosses a row an even number of times: between crossings 2 k and 2 k + 1 it is
    # inside.
    inside = LabelRuns(
        labels[owner[::2]], row[::2] * width + column[::2], column[1::2] - column[::2]
    )
    return paint(inside, height * width).reshape(shape)


def _crossings(
    polygons: Sequence[Polygon], height: int, width: int
) -> tuple[Indices, Indices, Indices]:
    """Where the polygons' lines cross the middles of rows: polygon, row, first column beyond."""
    rings = [(owner, ring) for owner, polygon in enumerate(polygons) for ring in polygon.rings]
    points = np.concatenate([np.asarray(ring, np.float64) for _, ring in rings])
    sizes = np.array([len(ring) for _, ring in rings], np.int64)
    following = np.arange(1, len(points) + 1)
    following[np.cumsum(sizes) - 1] -= sizes
    (x0, y0), (x1, y1) = points.T, points[following].T
    # Row i is crossed by the lines that reach from above its middle i + 0.5 to it or below.
    above = np.clip(np.ceil(np.minimum(y0, y1) - 0.5), 0, height).astype(np.int64)
    below = np.clip(np.ceil(np.maximum(y0, y1) - 0.5), 0, height).astype(np.int64)
    rows = below - above
    line = np.repeat(np.arange(len(points)), rows)
    row = np.arange(line.size) - np.repeat(np.cumsum(rows) - rows - above, rows)
    slope = (x1 - x0)[line] / (y1 - y0)[line]
    x = x0[line] + (row + 0.5 - y0[line]) * slope
    column = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    owners = np.repeat(np.array([owner for owner, _ in rings], np.int64), sizes)
    return owners[line], row, column
