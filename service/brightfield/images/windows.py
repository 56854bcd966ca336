"""Sliding windows: where they stand, and how their values become a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brightfield.errors import InvalidParameter
from brightfield.tensors import Map

Border = Literal["shift", "cut", "drop"]
"""What becomes of a last window that reaches over the border: moved back, cut off, left out."""

WindowSpan = tuple[int, int]
"""[start, stop) along one axis."""


@dataclass(frozen=True, slots=True)
class WindowGrid:
    """Windows over (height, width): every row span with every column span."""

    rows: tuple[WindowSpan, ...]
    cols: tuple[WindowSpan, ...]
    height: int
    width: int

    @property
    def covered(self) -> tuple[int, int, int, int]:
        """x, y, width, height of what the windows see together."""
        (top, _), (left, _) = self.rows[0], self.cols[0]
        return left, top, self.cols[-1][1] - left, self.rows[-1][1] - top

    @property
    def told(self) -> str:
        """Their size and step, for people."""
        (top, bottom), (left, right) = self.rows[0], self.cols[0]
        starts = (*pairwise(self.rows), *pairwise(self.cols))
        step = max((other - one for (one, _), (other, _) in starts), default=0)
        size = f"windows of {right - left} x {bottom - top} pixels"
        return f"{size}, one every {step}" if step else size


def positions(length: int, window: int, stride: int, border: Border) -> tuple[WindowSpan, ...]:
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


def window_grid(
    size: WindowSpan, window: WindowSpan, stride: WindowSpan, border: Border
) -> WindowGrid:
    """The windows of (height, width) over a plane of (height, width) pixels."""
    rows, cols = (positions(*axis, border) for axis in zip(size, window, stride, strict=True))
    return WindowGrid(rows, cols, *size)


def accumulate(grid: WindowGrid, values: ArrayLike) -> Map:
    """Per pixel the mean of the `values` [row][col] of the windows that cover it, else 0.

    Where such a value is not finite, the mean is NaN. The mean is constant between the windows'
    edges, so it is found once for each cell between them, in float64: sums over all windows are
    products of two incidence matrices with the values between them.
    """
    cells = _Cells(grid)
    return cells.spread(cells.mean(values))


def winners(grid: WindowGrid, values: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """Per pixel the class k of the greatest mean, as `accumulate` has it for each of the `values`
    [k][row][col]; -1 where no window lies or the mean is no number or below the `threshold`.

    The first of equal classes.
    """
    cells = _Cells(grid)
    best = np.full(cells.covered.shape, -np.inf)
    found = np.full(cells.covered.shape, -1, np.int64)
    for number, scores in enumerate(np.asarray(values)):
        mean = cells.mean(scores)
        better = (cells.covered > 0) & (mean > best) & (mean >= threshold)
        best[better], found[better] = mean[better], number
    spread: NDArray[np.int64] = cells.spread(found)
    return spread


class _Cells:
    """The cells between all windows' edges: how many windows cover each, and means over them."""

    def __init__(self, grid: WindowGrid) -> None:
        self._heights, self._down = _cells(grid.rows, grid.height)
        self._widths, self._across = _cells(grid.cols, grid.width)
        self.covered = np.outer(self._down.sum(axis=0), self._across.sum(axis=0))

    def mean(self, values: ArrayLike) -> NDArray[np.float32]:
        """Of the windows over each cell; 0 without any, NaN where one of them is no number."""
        scores = np.asarray(values, np.float64)
        finite = np.isfinite(scores)
        total = self._down.T @ np.where(finite, scores, 0.0) @ self._across
        covered = self.covered
        mean = np.divide(total, covered, out=np.zeros_like(total), where=covered > 0)
        mean[self._down.T @ ~finite @ self._across > 0] = np.nan
        return mean.astype(np.float32)

    def spread(self, cells: NDArray[Any]) -> NDArray[Any]:
        """A value for each cell as one for each pixel."""
        return cells.repeat(self._heights, axis=0).repeat(self._widths, axis=1)


def _cells(
    spans: Sequence[WindowSpan], length: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Lengths of the cells between all edges, and (spans, cells): 1 where a span covers a cell."""
    edges = np.unique([0, length, *(edge for span in spans for edge in span)])
    starts, stops = np.array(spans).reshape(-1, 2, 1).swapaxes(0, 1)
    inside = (starts <= edges[:-1]) & (edges[1:] <= stops)
    return np.diff(edges), inside.astype(np.float64)
