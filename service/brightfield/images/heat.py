"""Results that are a map over the image: how they become pictures."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.images.colormaps import heatmap
from brightfield.images.overlay import overlay
from brightfield.results import Result
from brightfield.tensors import Map, Pixels


@dataclass(frozen=True, slots=True)
class Heat:
    """A map over the image's pixels; outside `region` (x, y, width, height) it says nothing."""

    map: Map
    signed: bool
    region: tuple[float, float, float, float]


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
