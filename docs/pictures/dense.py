"""Draws dense.png: cells found, nuclei outlined, and a detail enlarged beside bicubic.

    PYTHONPATH=. python docs/pictures/dense.py --data FOLDER

The folder holds the data sets of the recipes (training/README.md says where they come from); the
three images are of their validation parts, which no model was trained on.
"""

from __future__ import annotations

import argparse
import asyncio
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sheet import SIDE, Panel, composed, publish

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
FIELDS = (
    ("detect", ("bccd/images/BloodImage_00222.jpg", (10, 0, 400)), "Blood cells"),
    ("segment", ("dsb2018/images/449a9c32e53a.png", (240, 0, 300)), "Nuclei in fluorescence"),
    ("segment", ("dsb2018/images/eb1df8ed879d.png", (32, 0, 256)), "Nuclei in a stained section"),
)
PHOTOGRAPH = ("kodak/23.png", (120, 185, 100))


@dataclass(frozen=True)
class Asker:
    """An engine, asked in the process."""

    engine: Engine

    def __call__(self, task: str, data: bytes, **parameters: Any) -> Answer:
        work = self.engine.tasks[task](**parameters)
        return asyncio.run(self.engine.answer(work, data, View(), Selection(), Ticket()))


def drawn(answer: Answer, part: tuple[int, int, int]) -> Image.Image:
    """A square part of the image with the answer drawn on it."""
    picture = Image.fromarray(answer.result.overlay(display(answer.picture.pixels), 1.0))
    return magnified(picture, part, Image.Resampling.LANCZOS)


def magnified(
    picture: Image.Image, part: tuple[int, int, int], how: Image.Resampling
) -> Image.Image:
    x, y, side = part
    return picture.resize((SIDE, SIDE), how, box=(x, y, x + side, y + side))


def enlarged(photograph: Image.Image, answer: Answer) -> tuple[Image.Image, Image.Image]:
    """A photograph that lost half its pixels along each side: enlarged again by bicubic
    interpolation, and by the model."""
    assert isinstance(answer.result, Enlarged)
    return halved(photograph).resize(photograph.size, BICUBIC), Image.fromarray(
        answer.result.pixels
    )


def halved(photograph: Image.Image) -> Image.Image:
    return photograph.resize((photograph.width // 2, photograph.height // 2), BICUBIC)


def quality(picture: Image.Image, photograph: Image.Image) -> float:
    """PSNR in dB over the whole photograph."""
    return round(psnr(np.asarray(picture), np.asarray(photograph)), 1)


def counted(answer: Answer) -> dict[str, int]:
    """How many objects there are of each class, the most frequent first."""
    assert isinstance(answer.result, Objects)
    return dict(Counter(found.label for found in answer.result.objects).most_common())


def in_words(counts: Mapping[str, int]) -> str:
    if len(counts) == 1:
        return f"{sum(counts.values())} separated in the whole field"
    return ", ".join(f"{count} {label}" for label, count in counts.items())


def png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def main(data: Path) -> None:
    with TemporaryDirectory() as folder:
        engine = Engine(Settings(data=Path(folder), models="", device="cpu"))
        try:
            asker = Asker(engine)
            fields = [asker(task, (data / file).read_bytes()) for task, (file, _), _ in FIELDS]
            file, part = PHOTOGRAPH
            photograph = Image.open(data / file).convert("RGB")
            answer = asker("superresolve", png(np.asarray(halved(photograph))), scale=2)
        finally:
            engine.close()
    counts = [counted(field) for field in fields]
    panels = [
        Panel(drawn(field, spec[1]), title, in_words(count))
        for field, count, (_, spec, title) in zip(fields, counts, FIELDS, strict=True)
    ]
    bicubic, ours = enlarged(photograph, answer)
    decibels = {"bicubic": quality(bicubic, photograph), "photo-x2": quality(ours, photograph)}
    for picture, *lines in (
        (bicubic, "Enlarged by bicubic interpolation", f"PSNR {decibels['bicubic']:.1f} dB"),
        (ours, "Enlarged by photo-x2", f"PSNR {decibels['photo-x2']:.1f} dB"),
        (photograph, "The photograph", "before it lost half its pixels along each side"),
    ):
        panels.append(Panel(magnified(picture, part, Image.Resampling.NEAREST), *lines))
    numbers = {
        "objects": dict(zip((title for *_, title in FIELDS), counts, strict=True)),
        "psnr": decibels,
    }
    publish(composed(panels), TARGET, [each.card for each in (*fields, answer)], numbers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    main(parser.parse_args().data)
