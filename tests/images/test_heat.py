from __future__ import annotations

from typing import Any

import numpy as np

from brightfield.images.heat import Heat, HeatResult
from brightfield.results import MapSpace
from brightfield_painting import heatmap, overlay

MAP = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)


class Warm(HeatResult):
    reading = "how warm it is"

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


def test_a_picture_is_cut_to_where_the_map_says_something() -> None:
    class Neuron(Warm):
        def heat(self) -> Heat:
            values = np.zeros((100, 200), np.float32)
            values[40:44, 150:158] = 1
            return Heat(values, signed=False, region=(0.0, 0.0, 200.0, 100.0))

    picture = np.arange(100 * 200 * 3, dtype=np.uint32).astype(np.uint8).reshape(100, 200, 3)
    shown = Neuron().zoomed(picture)
    part = picture[36:48, 146:162]  # a margin of four pixels
    assert shown.shape == (12 * 32, 16 * 32, 3)
    assert np.array_equal(shown[::32, ::32], part)
