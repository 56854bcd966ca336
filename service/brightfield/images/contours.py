"""Outlines of objects along the edges of their pixels, exact, and the way back to pixels.

Vertices are corners of pixels, with the origin at the outer corner of the top-left pixel, x to
the right and y down: one pixel at (0, 0) has the ring (0, 0), (1, 0), (1, 1), (0, 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
import skimage
from numpy.typing import NDArray

from brightfield.tensors import Indices

Ring = NDArray[np.int32]
"""(n, 2) vertices x, y of a closed line, the first not repeated at the end."""

# The four directions of travel, clockwise as displayed: right, down, left, up. Side s of a pixel
# is walked in direction s with the pixel at the right hand, so what lies beyond it is one step in
# direction s - 1.
_DX = (1, 0, -1, 0)
_DY = (0, 1, 0, -1)
# From the pixel's top-left corner to where its side begins.
_CORNER_X = np.array((0, 1, 1, 0), np.int32)
_CORNER_Y = np.array((0, 0, 1, 1), np.int32)


@dataclass(frozen=True, slots=True)
class Polygon:
    """A region without its holes.

    The exterior has a positive area by the shoelace formula on (x, y) and the holes a negative
    one: counterclockwise and clockwise as RFC 7946 counts, with y upward; with y downward, as
    images are displayed, the exterior looks clockwise.
    """

    exterior: Ring
    holes: tuple[Ring, ...] = ()

    @property
    def rings(self) -> tuple[Ring, ...]:
        """The exterior and then the holes."""
        return (self.exterior, *self.holes)


ObjectOutline = tuple[Polygon, ...]
"""An object's polygons; several where its pixels are not connected side by side."""


def trace(labels: NDArray[Any]) -> dict[int, ObjectOutline]:
    """The outline of every object of a label image (H, W), by ascending label.

    Every part that is connected by sides of pixels (4-connected) is one polygon; parts that touch
    in a corner are two. Points lie where the outline turns, an exterior's beginning with the
    topmost, then leftmost one. No ring meets itself: where one would, at a corner between two
    pixels of the same part, it is cut there into an exterior and a hole, or into two holes, which
    touch in that point. So the polygons are valid simple features (OGC 06-103r4, 6.1.11), and
    rasterising them gives back the same labels.
    """
    if not labels.any():
        return {}
    parts = np.pad(_connected(labels), 1)
    stretches = _stretches(parts)
    points, order, begins = stretches.points, *_rings(stretches.successor)
    ahead = points[stretches.successor].astype(np.int64)
    doubled_area = np.add.reduceat(
        (points[:, 0] * ahead[:, 1] - ahead[:, 0] * points[:, 1])[order], begins
    )
    heads = order[begins]
    part = parts.reshape(-1)[stretches.pixels[heads]]
    label = np.pad(labels, 1).reshape(-1)[stretches.pixels[heads]]
    # Each part has one exterior; its holes follow it.
    sequence = np.lexsort((heads, doubled_area < 0, part, label))
    rings = np.split(points[order], begins[1:])
    outlines: dict[int, list[list[Ring]]] = {}
    for ring in sequence.tolist():
        polygons = outlines.setdefault(int(label[ring]), [])
        if doubled_area[ring] > 0:
            polygons.append([])
        polygons[-1].append(rings[ring])
    return {
        key: tuple(Polygon(exterior, tuple(holes)) for exterior, *holes in polygons)
        for key, polygons in outlines.items()
    }


@dataclass(frozen=True, slots=True)
class _Stretches:
    """The straight pieces of all outlines: (N, 2) starting points, (N,) the pixel that each begins
    at (flat, in the padded image), and (N,) which stretch follows."""

    points: Ring
    pixels: Indices
    successor: Indices


@dataclass(frozen=True, slots=True)
class _Side:
    """The stretches along one side of pixels: the first and last pixel, and whether a left turn
    follows. `keys` ascend and find a stretch by its first pixel."""

    firsts: Indices
    lasts: Indices
    turns_left: NDArray[np.bool_]
    keys: Indices


def _connected(labels: NDArray[Any]) -> NDArray[Any]:
    """(H, W) numbers from 1 of the parts of objects that are connected by sides of pixels."""
    parts: NDArray[Any] = skimage.measure.label(  # type: ignore[no-untyped-call]
        labels, background=0, connectivity=1
    )
    return parts


def _stretches(parts: NDArray[Any]) -> _Stretches:
    """All sides of pixels that face another part, joined where they go straight on."""
    width = parts.shape[1]
    steps = [dx + dy * width for dx, dy in zip(_DX, _DY, strict=True)]
    sides = [_side(parts, side, steps) for side in range(4)]
    offsets = np.cumsum([0, *(side.firsts.size for side in sides)])
    successor = np.empty(int(offsets[-1]), np.int64)
    for s, side in enumerate(sides):
        following = successor[offsets[s] : offsets[s + 1]]
        diagonal = steps[s] + steps[s - 1]
        for turns, turn, beyond in ((side.turns_left, -1, diagonal), (~side.turns_left, 1, 0)):
            into = (s + turn) % 4
            key = _key(side.lasts[turns] + beyond, into, parts.shape)
            following[turns] = offsets[into] + np.searchsorted(sides[into].keys, key)
    pixels = np.concatenate([side.firsts for side in sides])
    number = np.repeat(np.arange(4), np.diff(offsets))
    points = np.stack(
        [pixels % width - 1 + _CORNER_X[number], pixels // width - 1 + _CORNER_Y[number]], axis=1
    )
    return _Stretches(points.astype(np.int32), pixels, successor)


def _side(parts: NDArray[Any], side: int, steps: Sequence[int]) -> _Side:
    """The stretches of side 0 (upper), 1 (right), 2 (lower) or 3 (left)."""
    height, width = parts.shape
    top, left = 1 + _DY[side - 1], 1 + _DX[side - 1]
    inner = parts[1:-1, 1:-1]
    faces = (inner != 0) & (inner != parts[top : top + height - 2, left : left + width - 2])
    # Scanned along the direction of travel, the pixels of a stretch are neighbours.
    row, column = np.nonzero(faces) if side % 2 == 0 else np.nonzero(faces.T)[::-1]
    pixels = (row + 1) * width + column + 1
    flat = parts.reshape(-1)
    own = flat[pixels]
    turns_left = flat[pixels + steps[side] + steps[side - 1]] == own
    ends = np.flatnonzero(turns_left | (flat[pixels + steps[side]] != own))
    if side < 2:
        begins = np.concatenate([[0], ends[:-1] + 1])
    else:  # against the scan, so a stretch begins where the scan leaves it
        begins = np.concatenate([ends[1:] - 1, [pixels.size - 1]])
    firsts = pixels[begins]
    return _Side(firsts, pixels[ends], turns_left[ends], _key(firsts, side, parts.shape))


def _key(pixels: Indices, side: int, shape: tuple[int, ...]) -> Indices:
    """The place of pixels in the order in which a side is scanned: by rows, or by columns."""
    height, width = shape
    return pixels if side % 2 == 0 else pixels % width * height + pixels // width


def _rings(successor: Indices) -> tuple[Indices, Indices]:
    """The stretches ring by ring in walking order, and where each ring begins.

    A ring begins with its stretch of the smallest number. The rank of a stretch is found by
    pointer jumping (Wyllie 1979), in as many passes over the arrays as the longest ring's length
    has bits.
    """
    count = successor.size
    stretches = np.arange(count)
    graph = scipy.sparse.csr_array(
        (np.ones(count, np.bool_), successor, np.arange(count + 1)), (count, count)
    )
    _, ring = scipy.sparse.csgraph.connected_components(graph, directed=False)
    _, heads = np.unique(ring, return_index=True)
    is_last = np.isin(successor, heads)
    jump = np.where(is_last, stretches, successor)
    to_last = np.where(is_last, 0, 1)
    while (further := to_last[jump]).any():
        to_last += further
        jump = jump[jump]
    order = np.lexsort((-to_last, ring))
    sizes = np.bincount(ring)
    return order, np.cumsum(sizes) - sizes
