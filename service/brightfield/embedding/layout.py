"""Pictures at their places on a map, without overlaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.vectors import Points

# How far around a taken cell is looked first; a corner of that square may be farther than a side.
_RINGS = 5


def snapped(
    places: NDArray[np.float64], columns: int, rows: int, some: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Cells (n, 2) of a grid, column and row, for `some` (n,) of the places (N, 2) in [0, 1].

    Each takes its own cell, those nearest the middle first; one whose cell is taken goes to the
    nearest free one, and to (-1, -1) once none is free.
    """
    places = places[some] * [columns, rows]
    own = np.clip(np.floor(places).astype(np.int64), 0, [columns - 1, rows - 1])
    away = np.square(places - own - 0.5).sum(axis=1)
    free = np.ones((columns, rows), bool)
    cells = np.full((len(some), 2), -1, np.int64)
    later = []
    for index in np.argsort(away, kind="stable"):
        if free[tuple(own[index])]:
            free[tuple(own[index])] = False
            cells[index] = own[index]
        else:
            later.append(index)
    for index in later:
        cells[index] = _taken(free, places[index], own[index])
    return cells


def scaled(points: Points) -> NDArray[np.float64]:
    """The first two coordinates in [0, 1], x to the right and y downwards, by the bounding box; a
    coordinate that is the same everywhere becomes 0.5."""
    flat = points[:, :2].astype(np.float64)
    low, span = flat.min(axis=0), np.ptp(flat, axis=0)
    places = np.where(span > 0, (flat - low) / np.where(span > 0, span, 1), 0.5)
    places[:, 1] = 1 - places[:, 1]
    return np.asarray(places)


def _taken(
    free: NDArray[np.bool_], place: NDArray[np.float64], own: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The nearest free cell, which is then taken; (-1, -1) if there is none."""
    if not free.any():
        return np.array([-1, -1])
    rings = _RINGS
    while True:
        low = np.maximum(own - rings, 0)
        high = np.minimum(own + rings + 1, free.shape)
        around = np.argwhere(free[low[0] : high[0], low[1] : high[1]]) + low
        if len(around):
            break
        rings *= 2
    nearest = around[np.square(around + 0.5 - place).sum(axis=1).argmin()]
    free[tuple(nearest)] = False
    return np.asarray(nearest)
