"""Square windows on blood smears, labelled by what lies in their middle.

A caller cuts a window around a cell, or slides one over the whole field. Both see neighbours and
parts of cells, and most positions of a sliding window show no cell in the middle at all; so there
is a class `background`, and it is the middle that decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from brightfield.images.picture import Region
from training.data.bccd import CLASSES, Smear

LABELS = (*CLASSES, "background")
BACKGROUND = len(CLASSES)
MARGIN = 1.2
"""Side of the window around a cell, in long sides of its box."""
_ISLAND = 2000  # pixels; the pale middle of a red cell has about 1000
_CLEAR = 8  # pixels around a background position in which there is no cell


@dataclass(frozen=True, slots=True)
class Field:
    """A photograph, its cells, and where there is only plasma."""

    smear: Smear
    pixels: NDArray[np.uint8]
    plasma: NDArray[np.bool_]
    """(H, W) far from every box and every dark pixel, since not all red cells are marked."""

    @classmethod
    def of(cls, smear: Smear) -> Field:
        pixels = smear.pixels()
        return cls(smear, pixels, plasma(pixels, smear.boxes))


def plasma(pixels: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(H, W) where green, which cells absorb, is above Otsu's threshold, and no box is near.

    Bright islands as small as the pale middle of a red cell do not count.
    """
    _, bright = cv2.threshold(pixels[:, :, 1], 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    _, islands, sizes, _ = cv2.connectedComponentsWithStats(bright)
    bright[sizes[islands, cv2.CC_STAT_AREA] < _ISLAND] = 0
    for left, top, right, bottom in boxes.round().astype(int):
        bright[max(0, top) : bottom, max(0, left) : right] = 0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _CLEAR + 1,) * 2)
    return np.asarray(cv2.erode(bright, disc)).astype(bool)


def label_at(field: Field, x: float, y: float) -> int | None:
    """The class of what lies at a point: a position in `LABELS`; None where nobody can say.

    A cell is the ellipse in its box, and of several the one whose middle is nearest, in half sides
    of its box. Corners of boxes and unmarked cells have no label.
    """
    distance = ellipses(field.smear.boxes, x, y)
    if len(distance) and distance.min() <= 1:
        return int(field.smear.classes[distance.argmin()])
    height, width = field.plasma.shape
    inside = field.plasma[min(int(y), height - 1), min(int(x), width - 1)]
    return BACKGROUND if inside else None


def ellipses(boxes: NDArray[np.float32], x: float, y: float) -> NDArray[np.float64]:
    """(n,) the point's distance from each box's middle; 1 on the ellipse that the box holds."""
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    distance: NDArray[np.float64] = np.hypot(*((np.array([x, y]) - middle) / half).T)
    return distance


def square(x: float, y: float, side: float, width: int, height: int) -> Region:
    """The square around a point, moved (and where need be shrunk) to lie within the image."""
    pixels = min(round(side), width, height)
    left, top = (
        min(max(round(at - pixels / 2), 0), most - pixels) for at, most in ((x, width), (y, height))
    )
    return Region(left, top, pixels, pixels)


def around_cell(field: Field, index: int) -> Region:
    """The window that a caller cuts around a cell: `MARGIN` times its long side."""
    left, top, right, bottom = field.smear.boxes[index].tolist()
    side = MARGIN * max(right - left, bottom - top)
    height, width = field.plasma.shape
    return square((left + right) / 2, (top + bottom) / 2, side, width, height)


def drawn(field: Field, label: int, random: np.random.Generator) -> Region | None:
    """A window with such a middle at random; None where the photograph has none, or the window
    had to be moved off its middle to lie within the image.

    Around cells: the middle within 0.6 of the cell's ellipse, the side from half the cell (at
    least 48 pixels) to 1.7 cells (at least 160 pixels), even in the logarithm.
    """
    place = _on_plasma(field, random) if label == BACKGROUND else _on_cell(field, label, random)
    if place is None:
        return None
    height, width = field.plasma.shape
    window = square(*place, width, height)
    return window if label_at(field, *middle(window)) == label else None


def _on_plasma(field: Field, random: np.random.Generator) -> tuple[float, float, float] | None:
    """x, y and a side."""
    rows, columns = field.plasma.nonzero()
    if not len(rows):
        return None
    at = random.integers(len(rows))
    return columns[at] + 0.5, rows[at] + 0.5, _between(48, 200, random)


def _on_cell(
    field: Field, label: int, random: np.random.Generator
) -> tuple[float, float, float] | None:
    """x, y and a side."""
    own = (field.smear.classes == label).nonzero()[0]
    if not len(own):
        return None
    left, top, right, bottom = field.smear.boxes[random.choice(own)].tolist()
    angle, radius = random.uniform(0, 2 * np.pi), 0.6 * np.sqrt(random.random())
    x = (left + right + radius * np.cos(angle) * (right - left)) / 2
    y = (top + bottom + radius * np.sin(angle) * (bottom - top)) / 2
    long = max(right - left, bottom - top)
    return x, y, _between(max(48, long / 2), max(160, 1.7 * long), random)


def middle(window: Region) -> tuple[float, float]:
    return window.x + window.width / 2, window.y + window.height / 2


def cut(field: Field, window: Region) -> NDArray[Any]:
    """(h, w, 3) the pixels of a window."""
    return field.pixels[
        window.y : window.y + window.height, window.x : window.x + window.width
    ]  # a view


def _between(low: float, high: float, random: np.random.Generator) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))
