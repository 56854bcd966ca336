"""Draws dense.png: cells found, nuclei outlined, and a detail enlarged beside bicubic.

    python docs/pictures/dense.py --data FOLDER

The folder holds the data sets of the recipes (training/README.md says where they come from); the
three images are of their validation parts, which no model was trained on.
"""

from __future__ import annotations

import argparse
import asyncio
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sheet import SIDE, Panel, composed, reduced

from brightfield.engine import Answer, Engine, View
from brightfield.images.fidelity import psnr
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings
from brightfield.tasks.objects.objects import Objects
from brightfield.tasks.superresolve import Enlarged
from brightfield_painting import display

BICUBIC = Image.Resampling.BICUBIC
TARGET = Path(__file__).with_name("dense.png")
# Validation images, and of each a square part in its own pixels: x, y, side.
SMEAR = ("bccd/images/BloodImage_00222.jpg", (10, 0, 400))
FLUORESCENCE = ("dsb2018/images/449a9c32e53a.png", (240, 0, 300))
STAINED = ("dsb2018/images/eb1df8ed879d.png", (32, 0, 256))
PHOTOGRAPH = ("kodak/23.png", (120, 185, 100))


@dataclass(frozen=True)
class Asker:
    """An engine, asked in the process."""

    engine: Engine

    def __call__(self, task: str, data: bytes, **parameters: Any) -> Answer:
        work = self.engine.tasks[task](**parameters)
        return asyncio.run(self.engine.predict(work, data, View(), Selection(), Ticket()))


def drawn(answer: Answer, part: tuple[int, int, int]) -> Image.Image:
    """A square part of the image with the answer drawn on it."""
    picture = Image.fromarray(answer.result.overlay(display(answer.picture.pixels), 1.0))
    return magnified(picture, part, Image.Resampling.LANCZOS)


def magnified(
    picture: Image.Image, part: tuple[int, int, int], how: Image.Resampling
) -> Image.Image:
    x, y, side = part
    return picture.resize((SIDE, SIDE), how, box=(x, y, x + side, y + side))


def enlarged(asker: Asker, photograph: Image.Image, part: tuple[int, int, int]) -> list[Panel]:
    """A detail of a photograph that lost half its pixels along each side, enlarged again by
    bicubic interpolation and by the model, and as it was."""
    half = photograph.resize((photograph.width // 2, photograph.height // 2), BICUBIC)
    result = asker("superresolve", png(np.asarray(half)), scale=2).result
    assert isinstance(result, Enlarged)
    bicubic, ours = half.resize(photograph.size, BICUBIC), Image.fromarray(result.pixels)
    pictures = (
        (bicubic, "Enlarged by bicubic interpolation", quality(bicubic, photograph)),
        (ours, "Enlarged by photo-x2", quality(ours, photograph)),
        (photograph, "The photograph", "before it lost half its pixels along each side"),
    )
    return [
        Panel(magnified(picture, part, Image.Resampling.NEAREST), *lines)
        for picture, *lines in pictures
    ]


def quality(picture: Image.Image, photograph: Image.Image) -> str:
    decibels = psnr(np.asarray(picture), np.asarray(photograph))
    return f"PSNR {decibels:.1f} dB over the whole photograph"


def counted(answer: Answer) -> str:
    """How many objects there are, of each class where there are several."""
    assert isinstance(answer.result, Objects)
    counts = Counter(found.label for found in answer.result.objects)
    if len(counts) == 1:
        return f"{counts.total()} told apart in the whole field"
    return ", ".join(f"{count} {label}" for label, count in counts.most_common())


def png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def main(data: Path) -> None:
    with TemporaryDirectory() as folder:
        engine = Engine(Settings(data=Path(folder), models="", device="cpu"))
        try:
            asker = Asker(engine)
            asked = [
                ("detect", SMEAR, "Blood cells"),
                ("segment", FLUORESCENCE, "Nuclei in fluorescence"),
                ("segment", STAINED, "Nuclei in a stained section"),
            ]
            panels = []
            for task, (file, part), title in asked:
                answer = asker(task, (data / file).read_bytes())
                panels.append(Panel(drawn(answer, part), title, counted(answer)))
            file, part = PHOTOGRAPH
            panels += enlarged(asker, Image.open(data / file).convert("RGB"), part)
        finally:
            engine.close()
    reduced(composed(panels)).save(TARGET, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    main(parser.parse_args().data)
