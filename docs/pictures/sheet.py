"""Panels with two lines of text, set side by side on a sheet, and how a picture is published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.cluster import KMeans

from brightfield.cards import ModelCard

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


def publish(
    sheet: Image.Image, target: Path, cards: Sequence[ModelCard], numbers: Mapping[str, Any]
) -> None:
    """Write the picture, and beside it, as JSON, the numbers that it shows and the digests of the
    weights that they come from. A test compares them with the shipped models and the pages."""
    reduced(sheet).save(target, optimize=True)
    weights = {card.id: card.weights.sha256 for card in cards if card.weights is not None}
    facts = {"weights": dict(sorted(weights.items())), "numbers": dict(numbers)}
    target.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


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
