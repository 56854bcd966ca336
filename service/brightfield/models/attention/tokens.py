"""Which place of the image each token stands for, found by changing places and looking at tokens.

Nothing is assumed of the order of tokens, of class, distillation and register tokens, or of how an
image is cut into patches: a token stands for a place if it changes with this place alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brightfield.errors import Unexplainable
from brightfield.models.attention.calls import AttentionCall
from brightfield.models.attention.replay import TensorsByNumber, changed
from brightfield.models.incremental.recording import INPUT, RecordedCall
from brightfield.tensors import Indices

# Rows that differ by less than this part of the greatest difference differ by rounding alone.
_ROUNDING = 1e-5

TokenGrid = Indices
"""(h, w): the token that stands for each place of a grid over the model's input."""


def disturbed(values: Tensor, chosen: Tensor, seed: int = 0) -> Tensor:
    """The values with noise, as large as they are, where `chosen` (broadcast) is set."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(values.shape, generator=generator).to(values)
    size = values.float().std().clamp(min=1e-3).to(values)
    return torch.where(chosen.to(values.device), values + 2 * size * noise, values)


def tokens_moved(before: Tensor, after: Tensor, axis: int) -> NDArray[np.float64]:
    """(heads, N): how much each token changed, by the axis on which tokens lie."""
    moved = (after.double() - before.double()).abs().movedim(axis, -2)
    rows = moved.amax(-1).reshape(-1, moved.shape[-2]).cpu().numpy()
    rows[rows <= _ROUNDING * rows.max(initial=0.0)] = 0.0
    found: NDArray[np.float64] = rows
    return found


@dataclass(frozen=True, slots=True)
class Stem:
    """What a network does before its first attention: `calls`, all of their `values`, and the
    `first` call of attention."""

    calls: Sequence[RecordedCall]
    values: Mapping[int, Tensor]
    first: AttentionCall

    def places(self) -> TokenGrid:
        """The token of each place.

        Raises `Unexplainable` where attention works in windows or over channels, and where no grid
        of places is found whose places have a token each.
        """
        everywhere = torch.ones((), dtype=torch.bool)
        moved = self._moved({INPUT: disturbed(self.values[INPUT], everywhere)}) > 0
        self._check_windows(np.flatnonzero(moved.any(axis=1)))
        count = int(np.count_nonzero(moved.any(axis=0)))
        for number, axes in self._candidates(count):
            grid = self._codes(number, axes)
            if grid is not None:
                return self._upright(grid)
        raise Unexplainable(_NO_PLACES)

    def _check_windows(self, heads: Indices) -> None:
        """Heads all see the same token change with a pixel; of windows only one does."""
        height, width = self.values[INPUT].shape[2:]
        for part in (0.0, 0.3, 0.6, 0.9):
            pixel = torch.zeros((1, 1, height, width), dtype=torch.bool)
            pixel[..., int(part * height), int(part * width)] = True
            moved = self._moved({INPUT: disturbed(self.values[INPUT], pixel)})[heads] > 0
            if (moved != moved[:1]).any():
                raise Unexplainable(_WINDOWS)

    def _halves(self) -> tuple[Tensor, Tensor]:
        """The left and the upper half of the image's pixels."""
        height, width = self.values[INPUT].shape[2:]
        left, top = torch.zeros((2, 1, 1, height, width), dtype=torch.bool)
        left[..., : width // 2] = True
        top[..., : height // 2, :] = True
        return left, top

    def _moved(self, replaced: TensorsByNumber) -> NDArray[np.float64]:
        """(heads, N): how much the first attention's tokens change with some values."""
        number = self.first.values
        new = changed(self.calls, self.values, replaced)
        if number not in new:
            return np.zeros((1, self.first.asked))
        return tokens_moved(self.values[number], new[number], self.first.axis)

    def _candidates(self, count: int) -> Iterator[tuple[int, tuple[int, int]]]:
        """Values with two axes of `count` places together, those nearest to the attention first."""
        before = _ancestors(self.calls, self.first.values)
        made = [n for call in self.calls for n in call.outputs if n is not None]
        for least in (2, 1):  # a grid of one row only where there is no other
            for number in reversed(made):
                shape = self.values[number].shape if number in before else ()
                if len(shape) < 4:
                    continue
                for axes in itertools.combinations(range(1, len(shape)), 2):
                    sides = [shape[axis] for axis in axes]
                    if sides[0] * sides[1] == count and min(sides) >= least:
                        yield number, axes

    def _codes(self, number: int, axes: tuple[int, int]) -> TokenGrid | None:
        """The token of each place of a grid, None where places have no token of their own.

        For each digit of the places' binary numbers, all places that have it are changed at once,
        and all others: a token that stands for one place changes in one of the two.
        """
        value = self.values[number]
        sides = tuple(value.shape[axis] for axis in axes)
        count = sides[0] * sides[1]
        shape = [sides[axes.index(axis)] if axis in axes else 1 for axis in range(value.dim())]
        places = torch.arange(count).view(shape)
        codes = np.zeros(self.first.asked, np.int64)
        own: Indices | None = None
        for digit in range(max(1, (count - 1).bit_length())):
            has = (places >> digit & 1).bool()
            with_it, without = (self._touched(number, chosen) for chosen in (has, ~has))
            if with_it is None or without is None or (with_it & without).any():
                return None
            touched = np.flatnonzero(with_it | without)
            if own is not None and not np.array_equal(touched, own):
                return None
            own = touched
            codes += with_it.astype(np.int64) << digit
        assert own is not None
        if sorted(codes[own]) != list(range(count)):
            return None
        grid = np.empty(count, np.int64)
        grid[codes[own]] = own
        return grid.reshape(sides)

    def _touched(self, number: int, chosen: Tensor) -> NDArray[np.bool_] | None:
        """(N,): which tokens change with the chosen places of a value.

        None where heads disagree: then they are windows, which see different places.
        """
        moved = self._moved({number: disturbed(self.values[number], chosen)}) > 0
        union: NDArray[np.bool_] = np.logical_or.reduce(moved, axis=0)
        heads = moved[moved.any(axis=1)]
        return union if (heads == union).all() else None

    def _upright(self, grid: TokenGrid) -> TokenGrid:
        """The grid turned so that its rows and columns are those of the image."""
        by_left, by_top = (self._centre(grid, half) for half in self._halves())
        if abs(by_left[0]) + abs(by_top[1]) > abs(by_left[1]) + abs(by_top[0]):
            grid, by_left, by_top = grid.T, by_left[::-1], by_top[::-1]
        if by_left[1] > 0:
            grid = grid[:, ::-1]
        return np.ascontiguousarray(grid[::-1] if by_top[0] > 0 else grid)

    def _centre(self, grid: TokenGrid, half: Tensor) -> NDArray[np.float64]:
        """(row, column), about the middle of the grid as parts of it, of what changes with a half
        of the image."""
        moved = self._moved({INPUT: disturbed(self.values[INPUT], half)}).max(axis=0)[grid]
        total = moved.sum() or 1.0
        rows, cols = (np.linspace(-1, 1, side) if side > 1 else np.zeros(1) for side in grid.shape)
        return np.array([(moved.sum(1) * rows).sum(), (moved.sum(0) * cols).sum()]) / total


def _ancestors(calls: Sequence[RecordedCall], number: int) -> set[int]:
    """The values that a value is computed from."""
    wanted = {number}
    for call in reversed(calls):
        if wanted & set(call.outputs):
            wanted.update(call.inputs)
    return wanted


_WINDOWS = (
    "Its attention works in windows (as Swin's), in which tokens look at their neighbours alone."
)
_NO_PLACES = (
    "Its tokens don't stand for places of the image one by one: it attends over channels, or the "
    "tokens are mixed before its first attention."
)
