"""Results that are a map over the image: how they become pictures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.geometry import Geometry
from brightfield.images.legend import PictureLegend, with_legend
from brightfield.palette import Color
from brightfield.results import MapSpace, Result, map_json
from brightfield.tensors import Map, Pixels
from brightfield_painting import ColorScale, greatest, heatmap, overlay, strength

_ZOOMED = 512
# Of the full colour: what lies below cannot be seen.
_SEEN = 0.02
_MARGIN = 0.25
# Of a map that covers few pixels, at least so many are shown around it.
_LEAST_MARGIN = 4


def _widened(places: NDArray[np.int64], side: int) -> tuple[int, int]:
    """The span of the places with a margin on both ends, within the side."""
    low, high = int(places.min()), int(places.max()) + 1
    margin = max(_LEAST_MARGIN, round(_MARGIN * (high - low)))
    return max(0, low - margin), min(side, high + margin)


@dataclass(frozen=True, slots=True)
class Heat:
    """A map over the image's pixels; outside `region` (x, y, width, height) it says nothing.

    `zero` is the value that the map's 0 stands for.
    """

    map: Map
    signed: bool
    region: tuple[float, float, float, float]
    zero: float = 0.0

    @property
    def scale(self) -> ColorScale:
        """The values at the ends of its colours."""
        top = greatest(self.map)
        low = self.zero - top if self.signed else self.zero
        return ColorScale(low, self.zero + top, self.signed, self.zero)


def placed_json(
    values: NDArray[np.float32], geometry: Geometry, space: MapSpace, *, signed: bool
) -> dict[str, Any]:
    """A map, or one per target, for JSON: all that drawing it needs.

    `extent` is where the whole grid lies in the image, `region` the part of it that shows the
    image (x, y, width, height in pixels).
    """
    height, width = geometry.image_size
    extent = geometry.extent_in_image if space == "input" else (0, 0, width, height)
    return {
        **map_json(values, signed=signed),
        "region": [float(edge) for edge in geometry.region_in_image],
        "extent": [float(edge) for edge in extent],
    }


class HeatResult(Result):
    """A result that is drawn by the colours of one map."""

    uses: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "alpha": ("overlay",),
        "space": ("json", "npy", "tiff"),
        "legend": ("png", "overlay"),
        "zoom": ("png", "overlay"),
    }

    @abstractmethod
    def heat(self) -> Heat:
        """The map to draw."""

    @property
    @abstractmethod
    def reading(self) -> str:
        """What the colours of its picture say, in one line."""

    @property
    def marks(self) -> tuple[tuple[str, Color], ...]:
        """What is outlined on its picture, and in which colour."""
        return ()

    @cached_property
    def _drawn(self) -> Heat:
        return self.heat()

    @property
    def colors(self) -> dict[str, str]:
        scale = self._drawn.scale
        return {"scale": f"{scale.low:.6g},{scale.high:.6g}"}

    def image(self) -> Pixels:
        heat = self._drawn
        return heatmap(heat.map, signed=heat.signed)

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        heat = self._drawn
        return overlay(picture, heat.map, signed=heat.signed, alpha=alpha, region=heat.region)

    def zoomed(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part where the map reaches 2 % of its full colour, with a margin; enlarged by whole
        pixels, so that a side has about 512. The whole picture where the map is 0 everywhere."""
        rows, columns = np.nonzero(np.abs(strength(self._drawn.map)) >= _SEEN)
        if not len(rows):
            return picture
        top, bottom = _widened(rows, picture.shape[0])
        left, right = _widened(columns, picture.shape[1])
        part = picture[top:bottom, left:right]
        times = max(1, round(_ZOOMED / max(part.shape[:2])))
        return part.repeat(times, axis=0).repeat(times, axis=1)

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        lines = (*title, self.reading)
        return with_legend(picture, PictureLegend(lines, self._drawn.scale, self.marks))
