"""Draws dense.png: cells found, nuclei outlined, and a detail enlarged beside bicubic.

    python docs/pictures/dense.py --data FOLDER

The folder holds the data sets of the recipes (training/README.md says where they come from); the
three images are of their validation parts, which no model was trained on.
"""

from __future__ import annotations

import argparse
import asyncio
import io
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sheet import SIDE, Panel, composed, reduced

from brightfield.engine import Answer, Engine, View
from brightfield.images.overlay import display
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings
from brightfield.tasks.superresolve import Enlarged

TARGET = Path(__file__).with_name("dense.png")
SMEAR = "bccd/images/BloodImage_00007.jpg"
NUCLEI = "dsb2018/images"
PHOTOGRAPH = "kodak/23.png"
# A part of the photograph, in its own pixels: x, y, side.
DETAIL = (150, 60, 150)


@dataclass(frozen=True)
class Asker:
    """An engine, asked in the process."""

    engine: Engine

    def __call__(self, task: str, data: bytes, **parameters: Any) -> Answer:
        work = self.engine.tasks[task](**parameters)
        return asyncio.run(self.engine.predict(work, data, View(), Selection(), Ticket()))


def drawn(answer: Answer) -> Image.Image:
    """The middle square of the image with the answer drawn on it."""
    pixels = answer.result.overlay(display(answer.picture.pixels), 1.0)
    picture = Image.fromarray(pixels)
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)


def enlarged(asker: Asker, photograph: Image.Image) -> list[Panel]:
    """The detail as it was, after a loss of half its pixels by bicubic, and by the model."""
    small = photograph.resize((photograph.width // 2, photograph.height // 2), Image.BICUBIC)
    bicubic = small.resize(photograph.size, Image.BICUBIC)
    result = asker("superresolve", png(np.asarray(small))).result
    assert isinstance(result, Enlarged)
    pictures = (
        (photograph, "The photograph", "a detail of 150 x 150 pixels"),
        (bicubic, "Bicubic", "from half as many pixels along each side"),
        (Image.fromarray(result.pixels), "photo-x2", "from the same pixels"),
    )
    x, y, side = DETAIL
    return [
        Panel(picture.resize((SIDE, SIDE), Image.NEAREST, box=(x, y, x + side, y + side)), *lines)
        for picture, *lines in pictures
    ]


def png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def main(data: Path, nuclei: tuple[str, str]) -> None:
    with TemporaryDirectory() as folder:
        engine = Engine(Settings(data=Path(folder), models="", device="cpu"))
        try:
            asker = Asker(engine)
            cells = asker("detect", (data / SMEAR).read_bytes())
            fields = [
                asker("segment", (data / NUCLEI / f"{name}.png").read_bytes()) for name in nuclei
            ]
            panels = [
                Panel(drawn(cells), "Blood cells", f"{len(cells.result.objects)} objects found"),
                *(Panel(drawn(f), "Nuclei", f"{len(f.result.objects)} told apart") for f in fields),
                *enlarged(asker, Image.open(data / PHOTOGRAPH).convert("RGB")),
            ]
        finally:
            engine.close()
    reduced(composed(panels)).save(TARGET, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--nuclei", nargs=2, required=True, help="two images of dsb2018, by id")
    given = parser.parse_args()
    main(given.data, tuple(given.nuclei))
