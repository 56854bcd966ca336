"""Places in an image.

Coordinates are pixels of the whole image; the origin is the outer corner of the top-left pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ring = npt.NDArray[np.int64]
"""(N, 2) x, y: corners of pixels, the first one not repeated at the end."""
Polygon = tuple[Ring, ...]
"""The exterior and the holes."""


# Columns of tables: the edges of a box, and a place in a layer's map with what it sees.
EDGES = "xmin=box.xmin ymin=box.ymin xmax=box.xmax ymax=box.ymax"
PLACE = f"row=place.0 column=place.1 x=position.x y=position.y {EDGES}"


class Box(NamedTuple):
    """A rectangle by its edges; around the one pixel at (0, 0) it is 0, 0, 1, 1."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float

    @property
    def width(self) -> float:
        return self.xmax - self.xmin

    @property
    def height(self) -> float:
        return self.ymax - self.ymin
