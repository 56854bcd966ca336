"""Panels with two lines of text, set side by side on a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.cluster import KMeans

SIDE, GAP, CAPTION = 300, 16, 52
COLUMNS = 3
INK, PALE = (33, 37, 41), (108, 117, 125)


@dataclass(frozen=True)
class Panel:
    """One picture with its two lines of text."""

    picture: Image.Image
    title: str
    line: str


def composed(panels: Sequence[Panel]) -> Image.Image:
    rows = -(-len(panels) // COLUMNS)
    size = (COLUMNS * (SIDE + GAP) + GAP, rows * (SIDE + CAPTION + GAP) + GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(17), ImageFont.load_default(13)
    for index, panel in enumerate(panels):
        x = GAP + index % COLUMNS * (SIDE + GAP)
        y = GAP + index // COLUMNS * (SIDE + CAPTION + GAP)
        sheet.paste(panel.picture, (x, y))
        draw.text((x, y + SIDE + 9), panel.title, INK, large)
        draw.text((x, y + SIDE + 33), panel.line, PALE, small)
    return sheet


def reduced(sheet: Image.Image) -> Image.Image:
    """The sheet in 256 colours, a third of the bytes. Pillow's own palettes lack the rare colours
    of a map's peak, which k-means keeps."""
    colors = np.asarray(sheet, np.float64).reshape(-1, 3)[::11]
    means = KMeans(256, n_init=1, random_state=0, max_iter=40).fit(colors).cluster_centers_
    paper = int(np.argmax(means.sum(axis=1)))
    means[paper] = 255
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(means).astype(np.uint8).tobytes())
    found = sheet.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    # Pillow looks colours up roughly, and the paper would be tinted.
    found.paste(paper, mask=Image.fromarray((np.asarray(sheet) == 255).all(axis=2)))
    return found
