"""Two runs exchanged unit by unit: what differences would be if neither were better."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.resampling import Codes, SampleWeights

Sides = tuple[SampleWeights, SampleWeights]
"""(B, units) of the first run and of the second."""

# So many units have few enough exchanges to see them all.
_EVERY = 11


class Exchange(ABC):
    """A way of exchanging: each of `units` independent things (rows, cases, groups) is that of the
    other run or not. `joined` says that weights are of both runs' samples one after the other."""

    joined: ClassVar[bool]
    units: int
    width: int
    """Numbers that an exchange makes."""

    @abstractmethod
    def drawn(self, rng: np.random.Generator, count: int) -> Sides:
        """So many exchanges, each unit with probability one half."""

    def every(self) -> Sides | None:
        """All 2^units exchanges, where they are few."""
        return None


class _Flipped(Exchange):
    """Exchanges that are known by the units that are exchanged."""

    @abstractmethod
    def _sides(self, flips: NDArray[np.float64]) -> Sides:
        """From (B, units) 0 or 1."""

    def drawn(self, rng: np.random.Generator, count: int) -> Sides:
        return self._sides(rng.integers(0, 2, (count, self.units)).astype(np.float64))

    def every(self) -> Sides | None:
        if self.units > _EVERY:
            return None
        numbers = np.arange(2**self.units)[:, None]
        return self._sides((numbers >> np.arange(self.units) & 1).astype(np.float64))


class UnitExchange(_Flipped):
    """Units of samples, or whole groups of them."""

    joined = True

    def __init__(self, count: int, groups: Codes | None) -> None:
        self._groups = groups
        self.units = count if groups is None else int(groups.max(initial=-1)) + 1
        self.width = 2 * count

    def _sides(self, flips: NDArray[np.float64]) -> Sides:
        own = flips if self._groups is None else flips[:, self._groups]
        return np.hstack([1 - own, own]), np.hstack([own, 1 - own])


Split = Callable[[SampleWeights], Sides]
"""From (B, k k k) counts by truth and both predictions to the tables of each run."""


class CellExchange(Exchange):
    """Rows of a (k, k, k) cube of counts by truth, the first's prediction and the second's: of n
    rows of a cell so many go to the cell with the predictions exchanged."""

    joined = False

    def __init__(self, cube: NDArray[np.int64], split: Split) -> None:
        self._cube, self._split = cube, split
        self.units, self.width = int(cube.sum()), cube.size

    def drawn(self, rng: np.random.Generator, count: int) -> Sides:
        going = rng.binomial(self._cube, 0.5, (count, *self._cube.shape))
        found = self._cube - going + going.swapaxes(2, 3)
        return self._split(found.reshape(count, -1).astype(np.float64))


class GroupCellExchange(_Flipped):
    """Whole groups, each with a cube of its own: (groups, k, k, k)."""

    joined = False

    def __init__(self, cubes: NDArray[np.float64], split: Split) -> None:
        self.units, self.width = len(cubes), cubes.size
        flat = (self.units, -1)
        self._whole = cubes.sum(axis=0).ravel()
        self._changes = (cubes.swapaxes(2, 3) - cubes).reshape(flat)
        self._split = split

    def _sides(self, flips: NDArray[np.float64]) -> Sides:
        return self._split(self._whole + flips @ self._changes)
