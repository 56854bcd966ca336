"""A part of an image as it is resampled for a model, and the way back to the image's pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from brightfield.geometry import Axis, Geometry
from brightfield.images.picture import Region
from brightfield.images.tiles import Tile

SourceBox = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels, as Pillow has it."""


@dataclass(frozen=True, slots=True)
class ResampledField:
    """`field`, a region of an image, seen in `height` x `width` pixels.

    A part of what is seen is sampled as it is in the whole: at the same places, from the same
    pixels. So tiles agree, whatever the scale.
    """

    field: Region
    height: int
    width: int

    @classmethod
    def of(cls, field: Region, scale: float, multiple: int = 1) -> ResampledField:
        """The field at about so many seen pixels for each of its own along a side.

        Sides are whole numbers, and multiples of `multiple` where that is no farther than a
        twentieth away: a model sees nothing that was padded then.
        """
        if scale == 1:
            return cls(field, field.height, field.width)
        return cls(field, *(_side(side * scale, multiple) for side in (field.height, field.width)))

    @property
    def same(self) -> bool:
        """Whether the field is seen as it is."""
        return (self.height, self.width) == (self.field.height, self.field.width)

    @property
    def whole(self) -> Region:
        """All that is seen, in seen pixels."""
        return Region(0, 0, self.width, self.height)

    @property
    def steps(self) -> tuple[float, float]:
        """Pixels of the image for each seen pixel, across and down."""
        return self.field.width / self.width, self.field.height / self.height

    def source(self, part: Region) -> tuple[Region, SourceBox]:
        """The pixels of the image that a part needs, and where in these the part lies.

        The filters reach as far as two seen pixels, or two of the image where that is the coarser.
        """
        field, (across, down) = self.field, self.steps
        left, width, begin_x = _needed(part.x, part.width, across, field.width)
        top, height, begin_y = _needed(part.y, part.height, down, field.height)
        right, bottom = begin_x + part.width * across, begin_y + part.height * down
        region = Region(field.x + left, field.y + top, width, height)
        return region, (begin_x, begin_y, min(right, width), min(bottom, height))

    def in_image(self, part: Region) -> Region:
        """A part in whole pixels of the image; parts that adjoin do so there, too."""
        across, down = self.steps
        left, right = round(part.x * across), round((part.x + part.width) * across)
        top, bottom = round(part.y * down), round((part.y + part.height) * down)
        return Region(self.field.x + left, self.field.y + top, right - left, bottom - top)

    def tile(self, seen: Tile) -> Tile:
        """A tile of what is seen as a tile of the image."""
        fade = round(seen.fade * max(self.steps))
        return Tile(self.in_image(seen.region), self.in_image(seen.core), fade)

    def geometry(self, part: Region, height: int, width: int) -> Geometry:
        """Where a part lies in the image of (height, width)."""
        (across, down), read = self.steps, self.in_image(part)
        left, top = self.field.x + part.x * across, self.field.y + part.y * down
        return Geometry(
            Axis(width, part.width, left, across, read.x, read.x + read.width),
            Axis(height, part.height, top, down, read.y, read.y + read.height),
        )


def _side(exact: float, multiple: int) -> int:
    nearest = multiple * round(exact / multiple)
    return nearest if abs(nearest - exact) <= exact / 20 else max(1, round(exact))


def _needed(start: int, count: int, step: float, length: int) -> tuple[int, int, float]:
    """First pixel and number of pixels along an axis, and where in them the part begins."""
    if step == 1:
        return start, count, 0.0
    reach = 2 * max(1.0, step) + 1
    first = max(0, math.floor(start * step - reach))
    last = min(length, math.ceil((start + count) * step + reach))
    return first, last - first, start * step - first
