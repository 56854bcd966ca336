"""Draws explanations.png, one photograph and what five methods say about its class, and
grad-cam.png, what `brightfield explain cup.png --method grad_cam` writes.

    PYTHONPATH=. python docs/pictures/explanations.py

The photograph is scikit-image's cup of coffee, the model the one that comes with the service, the
maps and their colours are the engine's own. Takes about half a minute on two cores.
"""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image
from sheet import SIDE, Panel, composed, publish

from brightfield.engine import Answer, Engine, View
from brightfield.geometry import Rectangle
from brightfield.images.heat import Heat, HeatResult
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings
from brightfield.tasks.classify import ClassPredictions, Prediction
from brightfield_painting import heatmap, overlay

TARGET = Path(__file__).with_name("explanations.png")
COMMAND = Path(__file__).with_name("grad-cam.png")
ALPHA = 0.6  # of `format=overlay`, when the caller names none


@dataclass(frozen=True)
class PanelSpec:
    """A method with its parameters, and how its map is shown: over the photograph or alone."""

    method: str
    parameters: dict[str, str]
    laid_over: bool
    title: str
    line: str


SPECS = (
    PanelSpec("grad_cam", {}, True, "Grad-CAM", "the last activation maps, weighted by gradients"),
    PanelSpec(
        "occlusion",
        {"window": "40", "stride": "8", "baseline": "grey"},
        True,
        "Occlusion",
        "the drop of the logit where a square hides it",
    ),
    PanelSpec("gradient", {}, False, "Gradient", "how much each pixel moves the logit"),
    PanelSpec("smoothgrad", {}, False, "SmoothGrad", "the gradient, mean over 50 noisy copies"),
    PanelSpec(
        "integrated_gradients",
        {},
        False,
        "Integrated gradients",
        "each pixel's share: red for, blue against",
    ),
)


async def explanations(photograph: NDArray[np.uint8]) -> tuple[Answer, list[Answer]]:
    """The classes of the photograph, and an answer for each spec."""
    buffer = io.BytesIO()
    Image.fromarray(photograph).save(buffer, "PNG")
    data, view, selection = buffer.getvalue(), View(), Selection()
    with TemporaryDirectory() as folder:
        engine = Engine(Settings(data=Path(folder), models="", device="cpu"))
        try:
            task = engine.tasks["classify"]()
            classes = await engine.answer(task, data, view, selection, Ticket())
            methods = [engine.methods[spec.method](**spec.parameters) for spec in SPECS]
            answers = [await engine.answer(m, data, view, selection, Ticket()) for m in methods]
        finally:
            engine.close()
    return classes, answers


def photograph_panel(photograph: NDArray[np.uint8], classes: Answer, region: Rectangle) -> Panel:
    best = top(classes)
    line = f"{best.label}, {best.score:.2f}"
    return Panel(squared(photograph, region), "What the model sees", line)


def top(classes: Answer) -> Prediction:
    assert isinstance(classes.result, ClassPredictions)
    return classes.result.predictions[0]


def map_panel(photograph: NDArray[np.uint8], answer: Answer, spec: PanelSpec) -> Panel:
    heat = heat_of(answer)
    if spec.laid_over:
        drawn = overlay(photograph, heat.map, signed=heat.signed, alpha=0.75)
    else:
        drawn = heatmap(heat.map, signed=heat.signed)
    return Panel(squared(drawn, heat.region), spec.title, spec.line)


def heat_of(answer: Answer) -> Heat:
    assert isinstance(answer.result, HeatResult)
    return answer.result.heat()


def squared(pixels: NDArray[np.uint8], region: Rectangle) -> Image.Image:
    """The part of the image that the model sees, at a panel's size."""
    x, y, width, height = region
    box = (x, y, x + width, y + height)
    return Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)


def main() -> None:
    photograph = skimage.data.coffee()
    classes, answers = asyncio.run(explanations(photograph))
    region = heat_of(answers[0]).region
    panels = [photograph_panel(photograph, classes, region)]
    for answer, spec in zip(answers, SPECS, strict=True):
        panels.append(map_panel(photograph, answer, spec))
    best = top(classes)
    numbers = {"label": best.label, "score": round(best.score, 2)}
    publish(composed(panels), TARGET, [classes.card], numbers)
    drawn = answers[0].result.overlay(photograph, ALPHA)
    publish(Image.fromarray(drawn), COMMAND, [classes.card], numbers)


if __name__ == "__main__":
    main()
