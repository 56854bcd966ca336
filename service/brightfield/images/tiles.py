"""Tiles: a large field cut so that each pixel is answered once, by a tile that saw around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter
from brightfield.images.picture import Region

TileSpan = tuple[int, int]
"""(start, length) along one axis, or (height, width)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """`region` is what the model sees, `core` what of the answer is kept; both in image pixels.

    The cores of a tiling cover the field without overlap. `fade` is the number of pixels over
    which neighbours that do not agree are blended, centred on the edges between their cores.
    """

    region: Region
    core: Region
    fade: int = 0

    @property
    def weights(self) -> NDArray[np.float32]:
        """(h, w) over `region`: 1 inside, falling linearly to 0 towards each neighbour."""
        read, kept = self.region, self.core
        down = _ramp((read.y, read.height), (kept.y, kept.height), self.fade)
        across = _ramp((read.x, read.width), (kept.x, kept.width), self.fade)
        return np.outer(down, across)


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a field is cut: tiles of `size` (height, width) with a `halo` around each core.

    With `aligned`, tiles and cores begin at multiples of it from the field's corner, so that
    strides fall on the same pixels as in the whole field; the halo grows to a multiple, too. With
    `blended`, neighbours fade into each other over the halo; without, each core stands for itself.

    Raises `InvalidParameter` where the tile is not larger than its halos.
    """

    size: TileSpan
    halo: int
    aligned: int = 1
    blended: bool = False

    def __post_init__(self) -> None:
        if min(self.size) - 2 * self._margin < self.aligned:
            raise InvalidParameter(
                f"tile={self.size[0]},{self.size[1]} leaves nothing between overlaps of "
                f"{2 * self._margin} pixels; make the tile larger or the overlap smaller.",
                errors=[{"location": "tile"}, {"location": "overlap"}],
            )

    def tiles(self, field: Region) -> Iterator[Tile]:
        """The tiles of a field, row by row."""
        for y, height in self._cores(field.height, self.size[0]):
            for x, width in self._cores(field.width, self.size[1]):
                core = Region(field.x + x, field.y + y, width, height)
                yield Tile(self._around(core, field), core, 2 * self.halo if self.blended else 0)

    def count(self, field: Region) -> int:
        down = self._cores(field.height, self.size[0])
        across = self._cores(field.width, self.size[1])
        return len(down) * len(across)

    def _cores(self, length: int, tile: int) -> list[TileSpan]:
        """(start, length) of each core along an axis; a sliver at the end joins the one before."""
        if length <= tile:
            return [(0, length)]
        step = (tile - 2 * self._margin) // self.aligned * self.aligned
        starts = list(range(0, length, step))
        if len(starts) > 1 and length - starts[-1] <= self._margin:
            starts.pop()
        stops = [*starts[1:], length]
        return [(start, stop - start) for start, stop in zip(starts, stops, strict=True)]

    def _around(self, core: Region, field: Region) -> Region:
        x = max(field.x, core.x - self._margin)
        y = max(field.y, core.y - self._margin)
        right = min(field.x + field.width, core.x + core.width + self._margin)
        bottom = min(field.y + field.height, core.y + core.height + self._margin)
        return Region(x, y, right - x, bottom - y)

    @property
    def _margin(self) -> int:
        """The halo in whole strides."""
        return -(-self.halo // self.aligned) * self.aligned


def _ramp(read: TileSpan, kept: TileSpan, fade: int) -> NDArray[np.float32]:
    """The weights along an axis of a tile that reads and keeps (start, length)."""
    weights = np.ones(read[1], np.float32)
    centres = read[0] + np.arange(read[1], dtype=np.float32) + 0.5
    if fade and kept[0] > read[0]:
        weights = np.minimum(weights, (centres - kept[0]) / fade + 0.5)
    if fade and sum(kept) < sum(read):
        weights = np.minimum(weights, (sum(kept) - centres) / fade + 0.5)
    return np.clip(weights, 0, 1)
