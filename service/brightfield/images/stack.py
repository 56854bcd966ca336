"""A stack: which page of a TIFF file holds which plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter
from brightfield.images.calibration import ValueCalibration
from brightfield.images.voxel_size import UNKNOWN, VoxelSize

ABSENT = -1
# Opening one costs some 200 microseconds, however small it is.
_MOST_AT_ONCE = 4096

Pages = NDArray[np.int64]
"""Page numbers, `ABSENT` where the file has no such plane."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Planes under named axes.

    `axes` names the axes before rows and columns, slowest first; `shape` has their lengths, which
    a file may claim freely. So only the planes that are asked for are looked up: `pages` gives
    the page of each plane, counted along all axes in C order. `contiguous`: the planes follow one
    another behind the first page's data and have no pages of their own.
    """

    axes: str
    shape: tuple[int, ...]
    pages: Callable[[NDArray[np.int64]], Pages]
    contiguous: bool = False
    calibration: VoxelSize = UNKNOWN
    channel_names: tuple[str, ...] = ()
    """Of the channels along C; empty where the file has none."""
    samples_apart: bool = False
    """Whether the file's axes call the samples of a pixel channels, each an image of its own."""
    shown_only: frozenset[int] = frozenset()
    """Photometric interpretations that say how to show the values and not what they are."""
    values: ValueCalibration | None = None
    """From stored values to those that are meant."""

    def numbers(self, indices: Sequence[int | tuple[int, ...] | None]) -> Pages:
        """The pages of the chosen planes, one dimension for each axis.

        `indices` are those of a `PlaneChoice`. Raises `InvalidParameter` for more planes at once
        than are read.
        """
        picks = self.picks(indices)
        if not picks:
            return self.pages(np.zeros(1, np.int64)).reshape(())
        places = np.ravel_multi_index(np.ix_(*picks), self.shape)
        return self.pages(places.ravel()).reshape(places.shape)

    def picks(self, indices: Sequence[int | tuple[int, ...] | None]) -> list[NDArray[np.int64]]:
        """What is taken along each axis, as `numbers` takes it; raises likewise."""
        taken = list(zip(indices, self.shape, strict=False))
        count = prod(size if i is None else np.size(i) for i, size in taken)
        if count > _MOST_AT_ONCE:
            raise InvalidParameter(
                f"{count} planes would be channels of one image, and at most {_MOST_AT_ONCE:,} "
                "are; choose some with channels=, or name the axes with axes=."
            )
        return [
            np.arange(size, dtype=np.int64) if i is None else np.atleast_1d(np.array(i, np.int64))
            for i, size in taken
        ]
