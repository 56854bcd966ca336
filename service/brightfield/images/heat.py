"""Results that are a map over the image: how they become pictures."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.geometry import Geometry
from brightfield.results import MapSpace, Result, map_json
from brightfield.tensors import Map, Pixels
from brightfield_painting import heatmap, overlay


@dataclass(frozen=True, slots=True)
class Heat:
    """A map over the image's pixels; outside `region` (x, y, width, height) it says nothing."""

    map: Map
    signed: bool
    region: tuple[float, float, float, float]


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

    @abstractmethod
    def heat(self) -> Heat:
        """The map to draw."""

    def image(self) -> Pixels:
        heat = self.heat()
        return heatmap(heat.map, signed=heat.signed)

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        heat = self.heat()
        return overlay(picture, heat.map, signed=heat.signed, alpha=alpha, region=heat.region)
