"""Contact sheets: small pictures in rows, with a line of text under each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from brightfield.tensors import Rgb

_GAP, _LINE, _FONT = 6, 16, 12
_INK, _PALE, _PAPER = (33, 37, 41), (108, 117, 125), (255, 255, 255)


@dataclass(frozen=True, slots=True, eq=False)
class SheetCell:
    """Pictures beside each other, and a line of text under them; a `name` after it loses its
    beginning where there is no room."""

    pictures: tuple[Rgb, ...]
    caption: str
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Tiles with a title before them; without one they begin at the left edge."""

    tiles: Sequence[SheetCell]
    title: str = ""


def columns_for(count: int) -> int:
    """About as many columns as rows: of those from the square root of the count to three halves of
    it the first one that leaves the fewest cells of the last row empty."""
    square = math.ceil(math.sqrt(max(1, count)))
    return min(range(square, square * 3 // 2 + 1), key=lambda columns: -count % columns)


def contact_sheet(rows: Sequence[Row], side: int) -> Rgb:
    """Every picture fitted into a square of `side` pixels, row by row on white paper.

    The columns stand under each other; a row is as high as its highest picture.
    """
    pictures = max((len(tile.pictures) for row in rows for tile in row.tiles), default=1)
    columns = max((len(row.tiles) for row in rows), default=0)
    font = ImageFont.load_default(_FONT)
    margin = max((int(font.getlength(row.title)) for row in rows), default=0)
    left = _GAP + (margin + _GAP if margin else 0)
    across = pictures * (side + 1) - 1 + _GAP
    strips = [_strip(row, side, left, left + max(1, columns) * across, across) for row in rows]
    top = np.full((_GAP, left + max(1, columns) * across, 3), _PAPER, np.uint8)
    return np.concatenate([top, *strips])


def _strip(row: Row, side: int, left: int, width: int, across: int) -> Rgb:
    """One row, (h, width, 3), with its gap below."""
    font = ImageFont.load_default(_FONT)
    fits = [[fitted(picture, side) for picture in tile.pictures] for tile in row.tiles]
    height = max((picture.shape[0] for tile in fits for picture in tile), default=_LINE)
    strip = Image.new("RGB", (width, height + _LINE + _GAP), _PAPER)
    draw = ImageDraw.Draw(strip)
    draw.text((_GAP, height // 2), row.title, _INK, font, anchor="lm")
    for column, (tile, pictures) in enumerate(zip(row.tiles, fits, strict=True)):
        x = left + column * across
        for place, picture in enumerate(pictures):
            middle = x + place * (side + 1) + side // 2, height // 2
            corner = (middle[0] - picture.shape[1] // 2, middle[1] - picture.shape[0] // 2)
            strip.paste(Image.fromarray(picture), corner)
        draw.text((x, height + 1), _fitting(tile, font, across - 2), _PALE, font)
    return np.asarray(strip)


def fitted(picture: Rgb, side: int) -> Rgb:
    """As large as a square of `side` pixels allows, in proportion: pixels are averaged where there
    are too many, and stay squares where there are too few."""
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def _fitting(
    tile: SheetCell, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> str:
    """The tile's text, with an ellipsis for what does not fit: of the name's beginning, then of the
    caption's end."""
    caption, name = tile.caption, tile.name
    text, start = f"{caption}  {name}" if name else caption, 0
    while start < len(name) and font.getlength(text) > width:
        start += 1
        text = f"{caption}  …{name[start:]}" if start < len(name) else caption
    while len(text) > 1 and font.getlength(text) > width:
        text = f"{text.removesuffix('…')[:-1]}…"
    return text
