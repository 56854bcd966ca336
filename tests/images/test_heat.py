from __future__ import annotations

from typing import Any

import numpy as np

from brightfield.images.heat import Heat, HeatResult
from brightfield.results import MapSpace
from brightfield_painting import heatmap, overlay

MAP = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)


class Warm(HeatResult):
    def heat(self) -> Heat:
        return Heat(MAP, signed=True, region=(1.0, 1.0, 3.0, 2.0))

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {}


def test_the_pictures_are_of_the_heat() -> None:
    picture = np.full((4, 6, 3), 90, np.uint8)
    assert np.array_equal(Warm().image(), heatmap(MAP, signed=True))
    drawn = overlay(picture, MAP, signed=True, alpha=0.3, region=(1.0, 1.0, 3.0, 2.0))
    assert np.array_equal(Warm().overlay(picture, 0.3), drawn)
    assert (drawn[0] < 90).all()  # outside the region it is dimmed
