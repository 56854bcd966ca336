"""How maps and pictures are drawn, by the service and by its clients alike.

It needs only NumPy and Pillow and imports neither side, so `format=overlay` of the service and
`overlay()` of the client are the same pixels.
"""

from brightfield_painting.colormaps import (
    ColorScale,
    color_bar,
    greatest,
    heatmap,
    strength,
)
from brightfield_painting.intensity import display, percentiles, scale
from brightfield_painting.overlay import overlay
from brightfield_painting.placement import Rectangle, place

__all__ = [
    "ColorScale",
    "Rectangle",
    "color_bar",
    "display",
    "greatest",
    "heatmap",
    "overlay",
    "percentiles",
    "place",
    "scale",
    "strength",
]
