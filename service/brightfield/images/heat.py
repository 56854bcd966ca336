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
from brightfield.results import MapSpace, Result, map_json
from brightfield.tensors import Map, Pixels
from brightfield_painting import ColorScale, greatest, heatmap, overlay


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
    }

    @abstractmethod
    def heat(self) -> Heat:
        """The map to draw."""

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

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        return with_legend(picture, PictureLegend(tuple(title), self._drawn.scale))
