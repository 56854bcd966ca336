"""Objects drawn on their image for people: outlines with a light fill, and boxes with text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from brightfield.images.labels import Labels
from brightfield.images.objects import Box
from brightfield.palette import Color
from brightfield.tensors import Rgb
from brightfield_painting.luma import LUMA

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_Plate = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_FILL = 0.22
"""How much of an object's inside is its colour."""
_FULL = 0.75
"""As much where the colour tells objects apart."""
_BOLD = 3
_MARGIN = 2  # of a text's plate
# Texts beyond these may cover each other, lest thousands take seconds.
_COMPARED = 1000
# What is painted fully keeps its texture, but no colour and little darkness of its own.
_DARKEST = 60


def draw_objects(
    base: Rgb,
    labels: Labels,
    colors: Mapping[int, Color],
    *,
    full: bool = False,
    bold: bool = False,
) -> Rgb:
    """The image with every object outlined in its colour and filled lightly with it; if `full`,
    filled so that its colour is seen before the image.

    The outline lies on the object's own pixels, so touching objects stay apart; it is one pixel
    wide up to sides of 900 and grows with the image, three times as wide if `bold`. `colors` by
    label; a label without one is not drawn.
    """
    shown = np.zeros(int(labels.max(initial=0)) + 1, np.bool_)
    palette = np.zeros((shown.size, 3), np.uint8)
    for label, color in colors.items():
        if 0 < label < shown.size:
            shown[label], palette[label] = True, color
    inside = shown[labels]
    painted = palette[labels]
    fill = _FULL if full else _FILL
    filled = cv2.addWeighted(base, 1 - fill, painted, fill, 0)
    drawn: Rgb = np.where(inside[..., None], filled, base)
    edge = _outline(labels, line_width(base.shape) * (_BOLD if bold else 1))
    return np.where((inside & edge)[..., None], painted, drawn)


def paint_objects(
    base: Rgb, labels: Labels, colors: Mapping[int, Color], alpha: float, *, full: bool = False
) -> Rgb:
    """`draw_objects`, `alpha` opaque; if `full`, over greys, so that a stain changes no colour."""
    ground = _greyed(base, labels) if full else base
    return mixed(ground, draw_objects(ground, labels, colors, full=full), alpha)


def draw_boxes(
    base: Rgb, boxes: Sequence[Box], texts: Sequence[str], colors: Sequence[Color]
) -> Rgb:
    """The image with a frame and a text per box; an empty text is left out.

    The text stands on a plate of the box's colour above the frame; below or inside it where there
    is no room above, or where the text of a box before it stands. It is black or white, whichever
    reads better. On images too small for a readable text there is none.
    """
    picture = Image.fromarray(base)
    draw = ImageDraw.Draw(picture)
    width = line_width(base.shape)
    size = _text_size(base.shape)
    font = ImageFont.load_default(size) if size else None
    for box, color in zip(boxes, colors, strict=True):
        _frame(draw, box, color, width)
    # Texts last, so that no frame runs through them, and the first one on top.
    if font is not None:
        told = [each for each in zip(boxes, texts, colors, strict=True) if each[1]]
        plates = _plates(draw, [(box, text) for box, text, _ in told], font, picture.size)
        for plate, (_, text, color) in zip(plates[::-1], told[::-1], strict=True):
            _write(draw, plate, text, color, font)
    return np.asarray(picture)


def _greyed(base: Rgb, labels: Labels) -> Rgb:
    """The image, light grey within objects."""
    grey = _DARKEST + (base.astype(np.float32) @ LUMA) * ((255 - _DARKEST) / 255)
    return np.where((labels > 0)[..., None], np.rint(grey)[..., None].astype(np.uint8), base)


def mixed(picture: Rgb, drawn: Rgb, alpha: float) -> Rgb:
    """What is drawn over the picture, `alpha` opaque."""
    return np.asarray(cv2.addWeighted(picture, 1 - alpha, drawn, alpha, 0), np.uint8)


def line_width(shape: tuple[int, ...]) -> int:
    """Pixels of a line that is still seen when the whole image is looked at on a screen."""
    return max(1, round(max(shape[:2]) / 600))


def _text_size(shape: tuple[int, ...]) -> int:
    """Height of letters in pixels, 0 where they could not be read."""
    side = min(shape[:2])
    return 0 if side < 100 else max(12, round(max(shape[:2]) / 80))


def _outline(labels: Labels, width: int) -> NDArray[np.bool_]:
    """The pixels of objects that are at most `width` steps from another label or the background."""
    outline = np.zeros(labels.shape, np.uint8)
    for one, other in (
        ((slice(1, None),), (slice(-1),)),
        ((..., slice(1, None)), (..., slice(-1))),
    ):
        differs = labels[one] != labels[other]
        outline[one] |= differs
        outline[other] |= differs
    outline[labels == 0] = 0
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    wide = cv2.dilate(outline, cross, iterations=width - 1) if width > 1 else outline
    near: NDArray[np.bool_] = (wide > 0) & (labels > 0)
    return near


def _frame(draw: ImageDraw.ImageDraw, box: Box, color: Color, width: int) -> None:
    left, top = round(box.xmin), round(box.ymin)
    right, bottom = max(left, round(box.xmax) - 1), max(top, round(box.ymax) - 1)
    draw.rectangle((left, top, right, bottom), outline=color, width=width)


def _plates(
    draw: ImageDraw.ImageDraw,
    told: Sequence[tuple[Box, str]],
    font: _Font,
    size: tuple[int, int],
) -> list[_Plate]:
    """Where the text of each box stands: of the places that lie within the picture the first that
    no text before it covers, else the one that is covered least."""
    taken = np.zeros((len(told), 4))
    for row, (box, text) in enumerate(told):
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        width, height = right - left + 2 * _MARGIN, bottom - top + 2 * _MARGIN
        places = _places(box, width, height, size)
        corners = np.array([(x, y, x + width, y + height) for x, y in places])
        taken[row] = corners[_covered(corners, taken[: min(row, _COMPARED)]).argmin()]
    return [(edges[0], edges[1], edges[2], edges[3]) for edges in taken.tolist()]


def _places(
    box: Box, width: float, height: float, size: tuple[int, int]
) -> Iterator[tuple[float, float]]:
    """Corners of a plate, the best place first: above the frame, below it, inside it at its top
    and its bottom; then the same at its right end."""
    top, bottom = float(round(box.ymin)), float(round(box.ymax))
    for left in (float(round(box.xmin)), float(round(box.xmax)) - width):
        x = min(max(0.0, left), max(0.0, size[0] - width))
        for y in (top - height, bottom):
            if 0 <= y <= size[1] - height:
                yield x, y
        yield x, min(max(0.0, top), max(0.0, size[1] - height))
        yield x, min(max(0.0, bottom - height), max(0.0, size[1] - height))


def _covered(plates: NDArray[np.float64], taken: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,): pixels of each plate (n, 4) that those which are there (m, 4) cover."""
    low = np.maximum(plates[:, None, :2], taken[None, :, :2])
    high = np.minimum(plates[:, None, 2:], taken[None, :, 2:])
    covered: NDArray[np.float64] = np.clip(high - low, 0, None).prod(axis=2).sum(axis=1)
    return covered


def _write(draw: ImageDraw.ImageDraw, plate: _Plate, text: str, color: Color, font: _Font) -> None:
    left, top, *_ = draw.textbbox((0, 0), text, font=font)
    x, y, right, bottom = plate
    draw.rectangle((x, y, right - 1, bottom - 1), fill=color)
    ink = (0, 0, 0) if np.dot(LUMA, color) > 140 else (255, 255, 255)
    draw.text((x + _MARGIN - left, y + _MARGIN - top), text, fill=ink, font=font)
