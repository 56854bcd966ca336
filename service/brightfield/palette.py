"""The colours of Okabe and Ito, "Color universal design" (2008), which people with any kind of
colour vision tell apart; without black, which is the ink everywhere."""

from __future__ import annotations

import colorsys
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Color = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

BLUE: Color = (0, 114, 178)
ORANGE: Color = (230, 159, 0)
GREEN: Color = (0, 158, 115)
PURPLE: Color = (204, 121, 167)
SKY: Color = (86, 180, 233)
VERMILLION: Color = (213, 94, 0)
YELLOW: Color = (240, 228, 66)


def web(color: Color) -> str:
    """A colour as CSS and matplotlib write it: `#0072b2`."""
    return "#{:02x}{:02x}{:02x}".format(*color)


H = TypeVar("H", bound=Hashable)
# A step around the circle of hues that comes near no earlier one for long: the golden ratio.
_TURN = 0.618034


def distinct(colors: Mapping[H, Color]) -> dict[H, Color]:
    """The same keys with no colour twice: the first keeps a colour, others get a new one."""
    taken: set[Color] = set()
    chosen: dict[H, Color] = {}
    turns = 0
    for key, own in colors.items():
        color = own
        while color in taken:
            turns += 1
            color = _of_hue(turns)
        taken.add(color)
        chosen[key] = color
    return chosen


def one_each(keys: Iterable[H]) -> dict[H, Color]:
    """A colour of its own for each key; keys that follow each other get colours far apart."""
    return {key: _of_hue(turn) for turn, key in enumerate(dict.fromkeys(keys), 1)}


def _of_hue(turns: int) -> Color:
    """A colour by its number: around the circle of hues, in three lightnesses."""
    light = (0.5, 0.7, 0.3)[turns % 3]
    red, green, blue = colorsys.hls_to_rgb(turns * _TURN % 1, light, 0.75)
    return round(255 * red), round(255 * green), round(255 * blue)
