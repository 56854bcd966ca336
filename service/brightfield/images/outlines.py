"""Objects drawn on their image for people: outlines with a light fill, and boxes with text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from brightfield.images.labels import Labels
from brightfield.images.objects import Box
from brightfield.palette import Color
from brightfield.tensors import Rgb
from brightfield_painting.luma import LUMA

_FILL = 0.22
"""How much of an object's inside is its colour."""
_FULL = 0.75
"""As much where the colour tells objects apart."""


def draw_objects(
    base: Rgb, labels: Labels, colors: Mapping[int, Color], *, full: bool = False
) -> Rgb:
    """The image with every object outlined in its colour and filled lightly with it; if `full`,
    filled so that its colour is seen before the image.

    The outline lies on the object's own pixels, so touching objects stay apart; it is one pixel
    wide up to sides of 900 and grows with the image. `colors` by label; a label without one is
    not drawn.
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
    return np.where((inside & _outline(labels, line_width(base.shape)))[..., None], painted, drawn)


def draw_boxes(
    base: Rgb, boxes: Sequence[Box], texts: Sequence[str], colors: Sequence[Color]
) -> Rgb:
    """The image with a frame and a text per box; an empty text is left out.

    The text stands on a plate of the box's colour above the frame, below it where there is no
    room above, and inside it where there is none below; it is black or white, whichever reads
    better. On images too small for a readable text there is none.
    """
    picture = Image.fromarray(base)
    draw = ImageDraw.Draw(picture)
    width = line_width(base.shape)
    size = _text_size(base.shape)
    font = ImageFont.load_default(size) if size else None
    for box, color in zip(boxes, colors, strict=True):
        _frame(draw, box, color, width)
    # Texts last, so that no frame runs through them.
    if font is not None:
        for box, text, color in zip(boxes, texts, colors, strict=True):
            if text:
                _plate(draw, box, text, color, font, picture.size)
    return np.asarray(picture)


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


def _plate(
    draw: ImageDraw.ImageDraw,
    box: Box,
    text: str,
    color: Color,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    size: tuple[int, int],
) -> None:
    margin = 2
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    width, height = right - left + 2 * margin, bottom - top + 2 * margin
    x = min(max(0.0, round(box.xmin)), max(0.0, size[0] - width))
    y = float(round(box.ymin) - height)
    if y < 0:
        y = float(round(box.ymax))
        if y + height > size[1]:
            y = float(max(0, round(box.ymin)))
    draw.rectangle((x, y, x + width - 1, y + height - 1), fill=color)
    ink = (0, 0, 0) if np.dot(LUMA, color) > 140 else (255, 255, 255)
    draw.text((x + margin - left, y + margin - top), text, fill=ink, font=font)
