"""Colours and axes that plots share.

Yellow is left out of the palette, since it cannot be seen on white.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brightfield import palette
from brightfield.palette import web

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, VERMILLION, GREEN = web(palette.BLUE), web(palette.VERMILLION), web(palette.GREEN)
PURPLE, ORANGE, SKY = web(palette.PURPLE), web(palette.ORANGE), web(palette.SKY)
COLORS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

INK, QUIET, FAINT, GROUND = "#1b1f24", "#7a828c", "#d5d9de", "#ffffff"


def unit_square(axes: Axes, x: str, y: str) -> None:
    """Both axes from 0 to 1 in the same scale, with their names."""
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", xlabel=x, ylabel=y)
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)


def line_style(place: int) -> tuple[str, str]:
    """Colour and dashes of the line number `place`: dashes tell apart what repeats a colour."""
    dashes = ("-", "--", "-.", ":")
    return COLORS[place % len(COLORS)], dashes[place // len(COLORS) % len(dashes)]
