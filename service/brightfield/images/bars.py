"""An image with bars beside it: the classes that were found, and the score of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from brightfield.images.contact_sheet import fitted
from brightfield.palette import BLUE
from brightfield.tensors import Rgb

_SIDE, _WIDTH, _GAP = 320, 340, 14
_LINE, _BAR = 22, 20
_TEXT, _INK, _RAIL, _PAPER = 17, (33, 37, 41), (233, 236, 239), (255, 255, 255)


def with_bars(picture: Rgb, scores: Sequence[tuple[str, float]]) -> Rgb:
    """The picture fitted into a square of 320 pixels, and at its right a bar for each score.

    A bar has its name and number above it; the rail behind it ends at `full_bar`. A score that
    isn't above 0 has no bar.
    """
    shown = fitted(picture, _SIDE)
    step = _LINE + _BAR + _GAP
    height = max(shown.shape[0], step * len(scores)) + 2 * _GAP
    left = shown.shape[1] + 2 * _GAP
    paper = Image.new("RGB", (left + _WIDTH + _GAP, height), _PAPER)
    paper.paste(Image.fromarray(shown), (_GAP, _GAP))
    draw, font = ImageDraw.Draw(paper), ImageFont.load_default(_TEXT)
    full = full_bar([score for _, score in scores])
    for place, (name, score) in enumerate(scores):
        top = _GAP + place * step
        draw.text((left, top), _short(name, font), _INK, font)
        draw.text((left + _WIDTH, top), f"{score:.3g}", _INK, font, anchor="ra")
        top += _LINE
        draw.rectangle((left, top, left + _WIDTH, top + _BAR), fill=_RAIL)
        length = round(_WIDTH * max(0.0, score) / full) if np.isfinite(score) else 0
        if length:
            draw.rectangle((left, top, left + length, top + _BAR), fill=BLUE)
    return np.asarray(paper)


def full_bar(scores: Sequence[float]) -> float:
    """The score whose bar is as long as its rail: 1, or the largest one where that is above 1."""
    return max([1.0, *(score for score in scores if np.isfinite(score))])


def _short(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """As much of a name as fits beside its number."""
    room = _WIDTH - 80
    if font.getlength(name) <= room:
        return name
    while name and font.getlength(f"{name}…") > room:
        name = name[:-1]
    return f"{name}…"
