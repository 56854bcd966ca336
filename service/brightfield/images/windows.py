"""Sliding windows: where they stand, and how their values become a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brightfield.errors import InvalidParameter
from brightfield.tensors import Map

Border = Literal["shift", "cut", "drop"]
"""What becomes of a last window that reaches over the border: moved back, cut off, left out."""

Span = tuple[int, int]
"""[start, stop) along one axis."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows over (height, width): every row span with every column span."""

    rows: tuple[Span, ...]
    cols: tuple[Span, ...]
    height: int
    width: int


def positions(length: int, window: int, stride: int, border: Border) -> tuple[Span, ...]:
    """Windows along one axis: 0, s, 2s, ... while they start inside and until the end is covered.

    `shift` moves the last one back so that it is whole; `cut` cuts it off at the end, which makes
    ceil((length - window) / stride) + 1 windows; `drop` keeps whole windows only.

    Raises `InvalidParameter` where the window is longer than the axis.
    """
    if window > length:
        raise InvalidParameter(
            f"The window of {window} pixels is larger than the image's {length}; lower it."
        )
    over = length - window
    if border == "drop":
        return tuple((start, start + window) for start in range(0, over + 1, stride))
    starts = (index * stride for index in range(math.ceil(over / stride) + 1))
    if border == "cut":
        return tuple((start, min(start + window, length)) for start in starts if start < length)
    return tuple((min(start, over), min(start, over) + window) for start in starts)


def window_grid(size: Span, window: Span, stride: Span, border: Border) -> Grid:
    """The windows of (height, width) over a plane of (height, width) pixels."""
    rows, cols = (positions(*axis, border) for axis in zip(size, window, stride, strict=True))
    return Grid(rows, cols, *size)


def accumulate(grid: Grid, values: ArrayLike) -> Map:
    """Per pixel the mean of the `values` [row][col] of the windows that cover it, else 0.

    The sum over all windows is a product of two incidence matrices with the values between them,
    in float64, so that no order of windows shows.
    """
    down, across = _incidence(grid.rows, grid.height), _incidence(grid.cols, grid.width)
    total = down.T @ np.asarray(values, np.float64) @ across
    covered = np.outer(down.sum(axis=0), across.sum(axis=0))
    mean: Map = np.divide(total, covered, out=np.zeros_like(total), where=covered > 0)
    return mean.astype(np.float32)


def _incidence(spans: Sequence[Span], length: int) -> NDArray[np.float64]:
    """(spans, length): 1 where a span covers a pixel."""
    matrix = np.zeros((len(spans), length))
    for index, (start, stop) in enumerate(spans):
        matrix[index, start:stop] = 1.0
    return matrix
