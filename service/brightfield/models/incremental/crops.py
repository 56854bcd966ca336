"""Reading crops of a base map, with what a patch changed laid over.

Everything lies channels last, so that a row of a crop is one piece of memory, and crops whose
positions are evenly spaced are one strided view of the base map: copied by one call. But every view
has its axes in the order rows, columns, C, h, w, so a function of maps (B, C, h, w) with constants
per channel is right for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from brightfield.models.incremental.axis import CropPlacement, CropRun, Reading

Put = Callable[[Tensor, Tensor], object]
"""`put(target, source)` writes source into target: copied, added, or through a function."""


def copied(target: Tensor, source: Tensor) -> None:
    target.copy_(source)


def added(target: Tensor, source: Tensor) -> None:
    target.add_(source)


@dataclass(frozen=True, slots=True)
class PaddedMap:
    """A base map (H, W, C) with the values that lie outside it around it, `top` and `left` wide."""

    values: Tensor
    top: int
    left: int

    @classmethod
    def around(cls, maps: Tensor, frame: tuple[int, int, int, int], outside: float) -> PaddedMap:
        """`maps` is (1, C, H, W), `frame` the widths left, right, top and bottom."""
        left, right, top, bottom = frame
        inside = maps[0].permute(1, 2, 0)
        height, width, channels = inside.shape
        shape = (height + top + bottom, width + left + right, channels)
        values = inside.new_full(shape, outside)
        values[top : top + height, left : left + width] = inside
        return cls(values, top, left)

    @property
    def size_bytes(self) -> int:
        return self.values.numel() * self.values.element_size()

    def view(
        self, down: CropRun, across: CropRun, shape: tuple[int, int], steps: tuple[int, int]
    ) -> Tensor:
        """(rows, columns, C, h, w): the regions of the runs' positions."""
        row, column, _ = self.values.stride()
        channels = self.values.shape[2]
        size = (down.count, across.count, channels, *shape)
        between = (down.advance * row, across.advance * column)
        strides = (*between, 1, steps[0] * row, steps[1] * column)
        start = (down.first + self.top) * row + (across.first + self.left) * column
        return self.values.as_strided(size, strides, start + self.values.storage_offset())


def blocks(maps: Tensor, rows: int, columns: int) -> Tensor:
    """(B, C, h, w) as (rows, columns, C, h, w), the same memory."""
    return torch.unflatten(maps, 0, (rows, columns))


def empty(like: Tensor, channels: int, rows: int, columns: int, size: tuple[int, int]) -> Tensor:
    """Room for a crop of every position, (B, C, h, w) channels last."""
    return like.new_empty((rows * columns, *size, channels)).permute(0, 3, 1, 2)


def lay(
    target: Tensor,
    crops: Tensor | None,
    canvas: PaddedMap | None,
    down: Reading,
    across: Reading,
    put: Put = copied,
    through: Put | None = None,
) -> None:
    """Write what is read at every position into `target` (B, C, h, w).

    From `crops` where they reach, through `through` (default: `put`), from `canvas` elsewhere.
    `canvas` may be None where the crops cover everything, `crops` where they cover nothing.
    """
    rows, columns = len(down.first), len(across.first)
    into = blocks(target, rows, columns)
    source = None if crops is None else blocks(crops, rows, columns)
    for run in down.runs:
        for other in across.runs:
            part = into[run.where, other.where]
            if canvas is not None:
                steps = (down.step, across.step)
                shape = (down.length, across.length)
                _frame(part, canvas.view(run, other, shape, steps), run, other, put)
            if source is not None and run.low < run.high and other.low < other.high:
                inner = _inner(source[run.where, other.where], run, other, down, across)
                hole = part[..., run.low : run.high, other.low : other.high]
                (through or put)(hole, inner)


def _frame(part: Tensor, base: Tensor, down: CropRun, across: CropRun, put: Put) -> None:
    """Everything but the hole that the crops fill, as at most four strips."""
    whole = slice(None)
    middle = slice(down.low, down.high)
    strips = (
        (slice(0, down.low), whole),
        (slice(down.high, None), whole),
        (middle, slice(0, across.low)),
        (middle, slice(across.high, None)),
    )
    for y, x in strips:
        strip = part[..., y, x]
        if strip.numel():
            put(strip, base[..., y, x])


def _inner(source: Tensor, run: CropRun, other: CropRun, down: Reading, across: Reading) -> Tensor:
    height, width = run.high - run.low, other.high - other.low
    y = slice(run.skip, run.skip + (height - 1) * down.step + 1, down.step)
    x = slice(other.skip, other.skip + (width - 1) * across.step + 1, across.step)
    return source[..., y, x]


def summed_area(maps: Tensor) -> Tensor:
    """(H + 1, W + 1, C) float64: sums of (1, C, H, W) over [0, y) x [0, x).

    In float64, so that the differences of large sums lose nothing.
    """
    values = maps[0].permute(1, 2, 0).double()
    return functional.pad(values.cumsum(0).cumsum(1), (0, 0, 1, 0, 1, 0))


def sums(table: Tensor, down: CropPlacement, across: CropPlacement) -> Tensor:
    """(B, C) float64: the sum of the base map under each position's crop."""
    top = torch.as_tensor(down.starts, device=table.device)
    left = torch.as_tensor(across.starts, device=table.device)
    strip = table[top + down.size] - table[top]
    found = strip[:, left + across.size] - strip[:, left]
    return found.flatten(0, 1)
