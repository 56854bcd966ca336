"""A drawn picture with a legend below it: what is shown, and what its colours mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from brightfield.palette import Color
from brightfield.tensors import Rgb
from brightfield_painting import ColorScale, color_bar

_PAPER, _INK = (255, 255, 255), (20, 20, 20)
_NARROWEST = 240
# Letters as high as those on the objects of a picture of this size.
_SMALLEST, _SIDES = 12, 80
_MOST_CLASSES = 40

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class PictureLegend:
    """Lines of text, the colours of a map's values, and those of classes, each with its text."""

    title: tuple[str, ...] = ()
    scale: ColorScale | None = None
    classes: tuple[tuple[str, Color], ...] = ()
    greys: tuple[str, str, str] | None = None
    """What black, middle grey and white stand for."""


def with_legend(picture: Rgb, legend: PictureLegend) -> Rgb:
    """The picture, pixel for pixel, with a white strip below it.

    The strip has the title, broken into lines where it is too long, a colour bar with the values
    at its ends (and of a signed map in its middle), and a field of colour before the text of each
    class. Letters grow with the picture; a strip is at least 240 pixels wide, so a narrower picture
    has white paper at its right.
    """
    sheet = _Sheet(max(picture.shape[1], _NARROWEST), max(picture.shape[:2]))
    for line in legend.title:
        sheet.text(line)
    if legend.scale is not None:
        sheet.bar(legend.scale)
    if legend.greys is not None:
        sheet.greys(legend.greys)
    sheet.fields(legend.classes[:_MOST_CLASSES])
    if len(legend.classes) > _MOST_CLASSES:
        sheet.text(f"and {len(legend.classes) - _MOST_CLASSES} more")
    strip = sheet.strip()
    width = strip.shape[1]
    paper = np.full((picture.shape[0], width - picture.shape[1], 3), _PAPER, np.uint8)
    return np.concatenate([np.concatenate([picture, paper], axis=1), strip])


class _Sheet:
    """Paper of a width that grows downwards; what is put on it is drawn at the end."""

    def __init__(self, width: int, side: int) -> None:
        self.width = width
        self.size = max(_SMALLEST, round(side / _SIDES))
        self.gap = self.size // 2
        self.font: _Font = ImageFont.load_default(self.size)
        self.line = round(1.4 * self.size)
        self.y = self.gap
        self._texts: list[tuple[int, int, str, str]] = []
        self._pictures: list[tuple[int, int, Rgb]] = []

    def text(self, text: str) -> None:
        """A text from the left edge, over as many lines as it needs."""
        for part in self._broken(text, self.width - 2 * self.gap):
            self._texts.append((self.gap, self.y, part, "la"))
            self.y += self.line

    def bar(self, scale: ColorScale) -> None:
        """A colour bar over the width, with its values below it."""
        colors = color_bar(scale, self.width - 2 * self.gap, self.size)
        middle = f"{scale.zero:.3g}" if scale.signed else ""
        self._bar(colors, (f"{scale.low:.3g}", middle, f"{scale.high:.3g}"))

    def greys(self, texts: tuple[str, str, str]) -> None:
        """A bar from black to white, with texts below its ends and its middle."""
        row = np.linspace(0, 255, self.width - 2 * self.gap).astype(np.uint8)
        self._bar(np.tile(row[None, :, None], (self.size, 1, 3)), texts)

    def _bar(self, colors: Rgb, texts: tuple[str, str, str]) -> None:
        self._pictures.append((self.gap, self.y, colors))
        self.y += self.size + 2
        for text, place, anchor in zip(texts, (0.0, 0.5, 1.0), ("la", "ma", "ra"), strict=True):
            x = self.gap + round(place * (colors.shape[1] - 1))
            self._texts.append((x, self.y, text, anchor))
        self.y += self.line

    def fields(self, classes: Sequence[tuple[str, Color]]) -> None:
        """A field of colour before each text, side by side as far as the width allows."""
        x, indent = self.gap, self.size + self.gap
        for text, color in classes:
            first, *rest = list(self._broken(text, self.width - 2 * self.gap - indent))
            longest = max(self.font.getlength(part) for part in (first, *rest))
            needed = indent + int(longest) + self.size
            if x > self.gap and x + needed - self.size > self.width - self.gap:
                x, self.y = self.gap, self.y + self.line
            field = np.full((self.size, self.size, 3), color, np.uint8)
            self._pictures.append((x, self.y, field))
            for number, part in enumerate((first, *rest)):
                self.y += self.line if number else 0
                self._texts.append((x + indent, self.y, part, "la"))
            x += needed
        self.y += self.line if classes else 0

    def strip(self) -> Rgb:
        """What was put on the paper, (h, width, 3)."""
        paper = Image.new("RGB", (self.width, self.y + self.gap), _PAPER)
        draw = ImageDraw.Draw(paper)
        for x, y, picture in self._pictures:
            paper.paste(Image.fromarray(picture), (x, y))
        for x, y, text, anchor in self._texts:
            draw.text((x, y), text, _INK, self.font, anchor=anchor)
        return np.asarray(paper)

    def _broken(self, text: str, width: int) -> Iterator[str]:
        """The text in lines of at most this width, between words where that is possible."""
        line = ""
        for word in text.split() or [""]:
            joined = f"{line} {word}" if line else word
            if self.font.getlength(joined) <= width:
                line = joined
                continue
            if line:
                yield line
            *full, line = self._letters(word, width)
            yield from full
        yield line

    def _letters(self, word: str, width: int) -> Iterator[str]:
        """A word in pieces that fit."""
        piece = ""
        for letter in word:
            if piece and self.font.getlength(piece + letter) > width:
                yield piece
                piece = ""
            piece += letter
        yield piece
