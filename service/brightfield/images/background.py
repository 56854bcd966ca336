"""The background of a plane: medians of small blocks, and a smooth surface through most of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Blocks = NDArray[np.float64]

SIDE = 4
"""Rows and columns of a block: smaller than nuclei, larger than a hot pixel."""
_TRIALS, _OUTSIDE = 6, 3.0
_LEAST_SHARE = 0.2
# Half of a normal distribution lies within so many standard deviations.
_HALF = 1.349


def spacing(plane: NDArray[Any], most: int) -> int:
    """Every how many blocks along both sides one is looked at, to be at most so many."""
    height, width = (size // SIDE for size in plane.shape)
    step = 1
    while -(-height // step) * -(-width // step) > most:
        step += 1
    return step


def blocks(plane: NDArray[Any], step: int) -> Blocks:
    """The median of every 4 x 4 pixels of a plane (H, W), or of every n-th such block along both
    sides. What is smaller than half a block leaves no trace."""
    height, width = (size // SIDE for size in plane.shape)
    cut = plane[: height * SIDE, : width * SIDE].reshape(height, SIDE, width, SIDE)
    kept = cut[::step, :, ::step].transpose(0, 2, 1, 3).astype(np.float64)
    medians: Blocks = np.median(kept.reshape(*kept.shape[:2], -1), axis=2)
    return medians


def surface(values: Blocks) -> Blocks:
    """The quadratic surface through the most usual blocks: an uneven light's, not the objects'.

    Least squares, repeated without the blocks that lie far from it.
    """
    rows, columns = (np.linspace(-1, 1, size) for size in values.shape)
    y, x = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    flat = values.ravel()
    kept = np.ones(flat.size, np.bool_)
    fitted, middle = np.zeros_like(flat), 0.0
    for _ in range(_TRIALS):
        fitted = terms @ np.linalg.lstsq(terms[kept], flat[kept], rcond=None)[0]
        middle, spread = usual(flat - fitted)
        near = np.abs(flat - fitted - middle) <= _OUTSIDE * spread
        if near.sum() < _LEAST_SHARE * flat.size or np.array_equal(near, kept):
            break
        kept = near
    return np.asarray((fitted + middle).reshape(values.shape))


def usual(values: NDArray[np.float64]) -> tuple[float, float]:
    """The middle of the shortest interval with half of the values, and the standard deviation of a
    normal distribution with an interval of its length. Source: Rousseeuw and Leroy, 1988."""
    ordered = np.sort(values)
    count = max(2, ordered.size // 2)
    lengths = ordered[count - 1 :] - ordered[: ordered.size - count + 1]
    place = int(lengths.argmin())
    return float(ordered[place] + lengths[place] / 2), float(lengths[place] / _HALF)
