"""Which model looks, and at what part of the plane."""

from __future__ import annotations

from brightfield.images.intensity import Intensity
from brightfield.images.picture import Region
from brightfield.parameters import BoxParameter, Parameters


class View(Parameters):
    """Which model looks, and at what part of the plane."""

    model: str | None = None
    """A model's id as in GET /models. Default: the task's default model."""
    region: BoxParameter | None = None
    """Only this part: x,y,width,height in pixels of the displayed image. Default: all of it."""
    intensity: Intensity = Intensity("auto")
    """How values are brought to [0, 1]: `dtype`, `signal`, `percentile:low,high` or
    `range:low,high`. `auto` is the card's, else `dtype` for 8-bit images and colours, and
    `signal`, with a warning, for others."""

    @property
    def part(self) -> Region | None:
        """The region as the images know one; None: the whole plane."""
        return None if self.region is None else Region(*self.region)
