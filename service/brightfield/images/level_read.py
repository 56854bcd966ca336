"""The level of a pyramid that was read in the place of the full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brightfield.tensors import Pixels


@dataclass(frozen=True, slots=True)
class LevelRead:
    """Level `number` of a pyramid whose full resolution has `height` x `width` pixels.

    It shows the same field, so a point of the full resolution lies in it at the same share of each
    side.
    """

    number: int
    height: int
    width: int

    def turned(self) -> LevelRead:
        """With rows for columns."""
        return LevelRead(self.number, self.width, self.height)

    def steps(self, pixels: Pixels) -> tuple[float, float]:
        """Pixels of the full resolution for each of the level's `pixels`, across and down."""
        height, width = pixels.shape[:2]
        return self.width / width, self.height / height

    def spread(self, pixels: Pixels) -> Pixels:
        """(H, W, C): the level's `pixels` (h, w, C), each repeated over the part that it shows."""
        rows, columns = (
            ((np.arange(full) + 0.5) * side / full).astype(np.intp)
            for full, side in zip((self.height, self.width), pixels.shape, strict=False)
        )
        spread: Pixels = np.take(np.take(pixels, rows, axis=0), columns, axis=1)
        return spread
