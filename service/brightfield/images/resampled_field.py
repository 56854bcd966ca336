"""A part of an image as it is resampled for a model, and the way back to the image's pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from brightfield.geometry import Axis, Geometry
from brightfield.images.picture import Region
from brightfield.images.tiles import Tile

# Shares of a pixel that are rounding errors.
_TINY = 1e-6

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

    def source(
        self, part: Region, each: tuple[float, float] = (1.0, 1.0)
    ) -> tuple[Region, SourceBox]:
        """The pixels that a part needs, and where in these the part lies; of a level of a pyramid,
        each of whose pixels is `each` pixels of the image wide and high, those of the level.

        The filters reach as far as two seen pixels, or two of what is read where that is coarser.
        """
        field, (across, down) = self.field, self.steps
        left, width, begin_x, end_x = _needed(
            part.x, part.width, across, (field.x, field.width), each[0]
        )
        top, height, begin_y, end_y = _needed(
            part.y, part.height, down, (field.y, field.height), each[1]
        )
        return Region(left, top, width, height), (begin_x, begin_y, end_x, end_y)

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


def _needed(
    start: int, count: int, step: float, field: tuple[int, int], each: float
) -> tuple[int, int, float, float]:
    """Along an axis: first pixel and number of pixels, and where in them the part lies.

    Pixels are `each` pixels of the image long; the field (first, length) is in those.
    """
    first, length = field
    if step == each == 1:
        return first + start, count, 0.0, float(count)
    step /= each
    low = math.floor(first / each + _TINY)
    high = math.ceil((first + length) / each - _TINY)
    reach = 2 * max(1.0, step) + 1
    begin = first / each - low + start * step
    taken = max(0, math.floor(begin - reach))
    last = min(high - low, math.ceil(begin + count * step + reach))
    end = begin + count * step - taken
    return low + taken, last - taken, max(0.0, begin - taken), min(end, last - taken)
