"""Draws explanations.png: one photograph and what five methods say about its class.

    python docs/pictures/make.py

The photograph is scikit-image's cup of coffee, the model the one that comes with the service, the
maps and their colours are the engine's own. Takes about half a minute on two cores.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sklearn.cluster import KMeans

from brightfield.engine import Answer, Engine, View
from brightfield.images.colormaps import heatmap
from brightfield.images.overlay import overlay
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings
from brightfield.tasks.classify import Classes

TARGET = Path(__file__).with_name("explanations.png")

SIDE, GAP, CAPTION = 300, 16, 52
COLUMNS = 3
INK, PALE = (33, 37, 41), (108, 117, 125)


@dataclass(frozen=True)
class Panel:
    """One picture with its two lines of text."""

    picture: Image.Image
    title: str
    line: str


@dataclass(frozen=True)
class Wish:
    """A method with its parameters, and how its map is shown: over the photograph or alone."""

    method: str
    parameters: dict[str, str]
    laid_over: bool
    title: str
    line: str


WISHES = (
    Wish("grad_cam", {}, True, "Grad-CAM", "the last feature maps, weighed by gradients"),
    Wish(
        "occlusion",
        {"window": "40", "stride": "8", "baseline": "grey"},
        True,
        "Occlusion",
        "the logit that is lost where a square hides it",
    ),
    Wish("gradient", {}, False, "Gradient", "how much each pixel moves the logit"),
    Wish("smoothgrad", {}, False, "SmoothGrad", "the gradient, mean over 50 noisy copies"),
    Wish(
        "integrated_gradients",
        {},
        False,
        "Integrated gradients",
        "each pixel's share: red for, blue against",
    ),
)


async def explanations(photograph: NDArray[np.uint8]) -> tuple[Answer, list[Answer]]:
    """The classes of the photograph, and an answer for each wish."""
    buffer = io.BytesIO()
    Image.fromarray(photograph).save(buffer, "PNG")
    data, view, selection = buffer.getvalue(), View(), Selection()
    with TemporaryDirectory() as folder:
        engine = Engine(Settings(data=Path(folder), models="", device="cpu"))
        try:
            task = engine.tasks["classify"]()
            classes = await engine.predict(task, data, view, selection, Ticket())
            methods = [engine.methods[wish.method](**wish.parameters) for wish in WISHES]
            answers = [await engine.explain(m, data, view, selection, Ticket()) for m in methods]
        finally:
            engine.close()
    return classes, answers


def photograph_panel(photograph: NDArray[np.uint8], classes: Answer) -> Panel:
    assert isinstance(classes.result, Classes)
    best = classes.result.predictions[0]
    line = f"{best.label}, {best.score:.2f}"
    return Panel(squared(photograph, classes), "What the model sees", line)


def map_panel(photograph: NDArray[np.uint8], answer: Answer, wish: Wish) -> Panel:
    heat = answer.result.heat()
    if wish.laid_over:
        drawn = overlay(photograph, heat.map, signed=heat.signed, alpha=0.75)
    else:
        drawn = heatmap(heat.map, signed=heat.signed)
    return Panel(squared(drawn, answer), wish.title, wish.line)


def squared(pixels: NDArray[np.uint8], answer: Answer) -> Image.Image:
    """The part of the image that the model sees, at a panel's size."""
    x, y, width, height = answer.prepared.geometry.region_in_image
    box = (x, y, x + width, y + height)
    return Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)


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
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(means).astype(np.uint8).tobytes())
    return sheet.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def main() -> None:
    photograph = skimage.data.coffee()
    classes, answers = asyncio.run(explanations(photograph))
    panels = [photograph_panel(photograph, classes)]
    for answer, wish in zip(answers, WISHES, strict=True):
        panels.append(map_panel(photograph, answer, wish))
    reduced(composed(panels)).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
