"""The colours of Okabe and Ito, "Color universal design" (2008), which people with any kind of
colour vision tell apart; without black, which is the ink everywhere."""

from __future__ import annotations

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
