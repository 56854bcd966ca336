"""What regions are: disjoint sets of pixels of the model's input, each with a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter, InvalidRegion
from brightfield.geometry import Geometry
from brightfield.images.labels import Labels
from brightfield.images.objects import Box

MOST_REGIONS = 64

REST = 0
"""The number of the pixels that belong to no region."""


@dataclass(frozen=True, slots=True)
class Regions:
    """`labels` (h, w) on the model's input grid, with the number of each pixel's region.

    `numbers` (n,) are the regions in order. Pixels of other numbers belong to none.
    """

    labels: Labels
    numbers: tuple[int, ...]

    @classmethod
    def of(cls, labels: Labels, *, rest: bool) -> Regions:
        """All numbers that are there; with `rest` also the pixels that belong to none, as a region.

        Raises `InvalidRegion` where there is no region, and `InvalidParameter` where there are too
        many.
        """
        found = [int(number) for number in np.unique(labels)]
        numbers = [number for number in found if number != REST]
        if not numbers:
            raise InvalidRegion(
                "No region covers a pixel of the model's input, so there is nothing to weigh; use "
                "regions=grid or regions=slic, or name other shapes or objects."
            )
        if rest and REST in found:
            numbers.insert(0, REST)
        if len(numbers) > MOST_REGIONS:
            raise InvalidParameter(
                f"There are {len(numbers)} regions, and at most {MOST_REGIONS} are weighed; name "
                "objects with `only`, or a part of the image with `region`."
            )
        return cls(labels, tuple(numbers))

    def __len__(self) -> int:
        return len(self.numbers)

    def pixels(self) -> list[int]:
        """How many pixels of the input each region has."""
        return [int((self.labels == number).sum()) for number in self.numbers]

    def shown(self, members: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(h, w): the pixels that can be seen while only these regions (n,) and those that belong
        to none are."""
        table = np.ones(max(int(self.labels.max()), *self.numbers, 0) + 1, np.bool_)
        table[list(self.numbers)] = members
        seen: NDArray[np.bool_] = table[self.labels]
        return seen

    def painted(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """(h, w): on every pixel the value of its region, of `values` (n,); 0 elsewhere."""
        table = np.zeros(max(int(self.labels.max()), *self.numbers, 0) + 1, np.float32)
        table[list(self.numbers)] = values
        drawn: NDArray[np.float32] = table[self.labels]
        return drawn

    def box(self, number: int, geometry: Geometry) -> Box:
        """The smallest rectangle around the region, in pixels of the image, and within it."""
        rows, cols = (np.flatnonzero((self.labels == number).any(axis)) for axis in (1, 0))
        y = geometry.input_to_image_y(np.array([rows[0], rows[-1] + 1], np.float64))
        x = geometry.input_to_image_x(np.array([cols[0], cols[-1] + 1], np.float64))
        left, top, width, height = geometry.region_in_image
        x, y = np.clip(x, left, left + width), np.clip(y, top, top + height)
        return Box(float(x[0]), float(y[0]), float(x[1]), float(y[1]))
