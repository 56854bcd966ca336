"""Maps over a field, put together from tiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import TooManyPixels
from brightfield.geometry import Geometry
from brightfield.images.picture import Region
from brightfield.images.tiles import Tile

Maps = NDArray[np.float32]
"""(C, H, W) float32 over a field."""

# 512 million values, 2 GiB: 31 maps over 4096 x 4096 pixels.
_MOST_VALUES = 2**29


class Field:
    """(C, H, W) values over a field, in image pixels.

    Tiles that agree write their cores; tiles that fade are summed with their weights.
    """

    def __init__(self, region: Region, channels: int) -> None:
        if channels * region.width * region.height > _MOST_VALUES:
            raise TooManyPixels(
                f"The model's {channels} maps over {region.width} x {region.height} pixels do not "
                "fit into the memory; ask for a part with region=."
            )
        self._region = region
        self._sum = np.zeros((channels, region.height, region.width), np.float32)
        self._weight: NDArray[np.float32] | None = None

    def put(self, values: Maps, geometry: Geometry, tile: Tile) -> None:
        """Take in a tile's maps (C, h, w), which lie over the whole of the model's input."""
        read = tile.region
        placed = geometry.within(read.x, read.y, read.width, read.height)
        if tile.fade:
            self._blend(values, placed, tile)
            return
        core = tile.core
        inner = (
            slice(core.y - read.y, core.y - read.y + core.height),
            slice(core.x - read.x, core.x - read.x + core.width),
        )
        place = self._place(core)
        for channel, single in enumerate(values):
            self._sum[channel][place] = _in_image(single, placed)[inner]

    def values(self) -> Maps:
        """The maps, when every tile is there."""
        if self._weight is not None:
            self._sum /= np.maximum(self._weight, np.finfo(np.float32).tiny)
            self._weight = None
        return self._sum

    def _blend(self, values: Maps, placed: Geometry, tile: Tile) -> None:
        if self._weight is None:
            self._weight = np.zeros(self._sum.shape[1:], np.float32)
        place, weights = self._place(tile.region), tile.weights
        self._weight[place] += weights
        for channel, single in enumerate(values):
            self._sum[channel][place] += weights * _in_image(single, placed)

    def _place(self, part: Region) -> tuple[slice, slice]:
        y, x = part.y - self._region.y, part.x - self._region.x
        return slice(y, y + part.height), slice(x, x + part.width)


def _in_image(values: NDArray[np.float32], placed: Geometry) -> NDArray[np.float32]:
    """One map of the input as pixels of the tile: as it is where they are the same."""
    same = not placed.scaled and (placed.x.origin, placed.y.origin) == (0.0, 0.0)
    if same and values.shape == placed.input_size:
        height, width = placed.image_size
        return values[:height, :width]
    return placed.to_image(values)
