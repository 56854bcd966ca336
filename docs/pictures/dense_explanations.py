"""Draws dense-explanations.png: a blood cell's detection and a nucleus' mask, each explained twice.

    PYTHONPATH=. python docs/pictures/dense_explanations.py --data FOLDER

The folder holds the data sets of the recipes (training/README.md says where they come from); both
images are of their validation parts, which no model was trained on. Takes a few minutes.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sheet import SIDE, Panel, composed, publish

from brightfield.cards import ModelCard
from brightfield.engine import Answer, Engine, View
from brightfield.images.contours import trace
from brightfield.images.heat import HeatResult
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings
from brightfield_painting import display, heatmap, overlay

TARGET = Path(__file__).with_name("dense-explanations.png")
OUTLINE = (0, 158, 115)

Ring = Sequence[tuple[float, float]]
"""Corners x, y in pixels of the image."""


@dataclass(frozen=True)
class PanelSpec:
    """A field, the object in it that is explained (by a point), the region that the model looks at
    for that, and the square part that is shown: x, y, side."""

    file: str
    model: str
    task: str
    point: tuple[float, float]
    region: tuple[int, int, int, int] | None
    part: tuple[int, int, int]
    window: int
    stride: int
    title: str
    occlusion: str


SPECS = (
    PanelSpec(
        "bccd/images/BloodImage_00115.jpg",
        "blood-cells",
        "detect",
        (280, 316),
        None,
        (115, 150, 330),
        48,
        16,
        "A white cell, found by blood-cells",
        "drop of IoU x probability where a square hides it",
    ),
    PanelSpec(
        "dsb2018/images/449a9c32e53a.png",
        "nuclei",
        "segment",
        (387, 302),
        (256, 176, 256, 256),
        (292, 207, 190),
        24,
        8,
        "A nucleus, segmented by nuclei",
        "drop of the mean logit where a square hides it",
    ),
)


@dataclass(frozen=True)
class Asker:
    """An engine, asked about the field of a spec in the process."""

    engine: Engine
    data: Path

    def found(self, spec: PanelSpec) -> tuple[str, Ring, dict[str, Any]]:
        """What the model says of the object, its outline, and the number in these words."""
        work = self.engine.tasks[spec.task]()
        ticket = Ticket()
        answer = asyncio.run(
            self.engine.answer(work, self._bytes(spec), View(), Selection(), ticket)
        )
        x, y = spec.point
        result: Any = answer.result
        if spec.task == "segment":
            number = int(result.labels[int(y), int(x)])
            (polygon, *_) = trace(result.labels)[number]
            count = len(result.objects)
            return f"{count} nuclei in the field", polygon.rings[0].tolist(), {"nuclei": count}
        item = next(
            each
            for each in result.objects
            if each.box.xmin <= x < each.box.xmax and each.box.ymin <= y < each.box.ymax
        )
        left, top, right, bottom = item.box.json().values()
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        score = round(float(item.score), 2)
        return f"{item.label}, {score:.2f}", corners, {item.label: score}

    def explained(self, spec: PanelSpec, method: str, **parameters: Any) -> Answer:
        work = self.engine.methods[method](point=spec.point, **parameters)
        view = View(model=spec.model, region=spec.region)
        return asyncio.run(self.engine.answer(work, self._bytes(spec), view, Selection(), Ticket()))

    def _bytes(self, spec: PanelSpec) -> bytes:
        return (self.data / spec.file).read_bytes()


@dataclass(frozen=True)
class Row:
    """The panels of a spec, the card of its model and the numbers in its words."""

    panels: list[Panel]
    card: ModelCard
    numbers: dict[str, Any]


def row(asker: Asker, spec: PanelSpec) -> Row:
    line, outline, numbers = asker.found(spec)
    gradient = asker.explained(spec, "gradient")
    size = {"window": spec.window, "stride": spec.stride}
    hidden = asker.explained(spec, "occlusion", baseline="blur", **size)
    photograph = display(gradient.picture.pixels)
    assert isinstance(gradient.result, HeatResult) and isinstance(hidden.result, HeatResult)
    moves, lost = gradient.result.heat(), hidden.result.heat()
    pictures = (
        (photograph, spec.title, line),
        (
            heatmap(moves.map, signed=moves.signed),
            "Gradient",
            "how much a pixel moves the logit",
        ),
        (
            overlay(photograph, lost.map, signed=lost.signed, alpha=0.75),
            "Occlusion",
            spec.occlusion,
        ),
    )
    panels = [
        Panel(shown(picture, spec.part, outline), title, text) for picture, title, text in pictures
    ]
    return Row(panels, gradient.card, numbers)


def shown(picture: NDArray[np.uint8], part: tuple[int, int, int], outline: Ring) -> Image.Image:
    """The part at a panel's size, with the outline drawn over it."""
    x, y, side = part
    box = (x, y, x + side, y + side)
    panel = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)
    scale = SIDE / side
    corners = [((left - x) * scale, (top - y) * scale) for left, top in outline]
    ImageDraw.Draw(panel).line([*corners, corners[0]], OUTLINE, 2, joint="curve")
    return panel


def main(data: Path) -> None:
    with TemporaryDirectory() as folder:
        engine = Engine(Settings(data=Path(folder), models="", device="cpu"))
        try:
            asker = Asker(engine, data)
            rows = [row(asker, spec) for spec in SPECS]
        finally:
            engine.close()
    sheet = composed([panel for each in rows for panel in each.panels])
    numbers = {spec.model: each.numbers for spec, each in zip(SPECS, rows, strict=True)}
    publish(sheet, TARGET, [each.card for each in rows], numbers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    main(parser.parse_args().data)
