"""How large objects may be for the shipped models: fields drawn at a grid of sizes, sharp and soft.

A size is known where at least nine in ten objects are found (an overlap of at least 0.5) and no
more than one in ten of the answers is something else, with both kinds of edges. Drawn fields tell
what a model's size does, not how good it is: that is what `quality` on its card says.

    python benchmarks/object_sizes.py nuclei
    python benchmarks/object_sizes.py blood-cells --fields 4

With `--photographs` the fields are labelled photographs (COCO), made larger and smaller until their
median object has each size. Their labels are not complete, so a size is known there if the F1 score
is at least nine tenths of the best.

    python benchmarks/object_sizes.py blood-cells --fields 12 --photographs bccd/val.json
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from brightfield.engine import Answer, Engine
from brightfield.images.objects import Box
from brightfield.tasks.detect import Detect
from brightfield.tasks.objects.objects import Objects
from brightfield.tasks.segment import Segment
from brightfield.tasks.task import Task

SIZES = (4, 6, 8, 10, 12, 16, 20, 26, 32, 40, 48, 56, 64, 72, 80, 100, 120, 140, 170, 200)
"""Diameters in pixels."""
EDGES = {"sharp": 0.0, "soft": 0.05}
"""Standard deviation of the blur, in diameters."""
KNOWN, OVERLAP = 0.9, 0.5
_ROWS = 4

Pixels = NDArray[np.uint8]
Asked = Callable[[Pixels], Answer]
Drawing = Callable[[NDArray[np.float64], float, np.random.Generator], Pixels]


class Field(NamedTuple):
    """Pixels, and a box around each of their objects."""

    pixels: Pixels
    boxes: tuple[Box, ...]


class Found(NamedTuple):
    """Shares of the objects that are found, and of the answers that are right."""

    recall: float
    precision: float


def fluorescence(cover: NDArray[np.float64], blur: float, random: np.random.Generator) -> Pixels:
    """Bright nuclei on a dark ground."""
    light = np.array([random.uniform(80, 180) for _ in cover])
    pixels = 12 + ndimage.gaussian_filter(np.tensordot(light, cover, 1), blur)
    return _noisy(pixels[..., None], random)


def smear(cover: NDArray[np.float64], blur: float, random: np.random.Generator) -> Pixels:
    """Red cells, paler in the middle, on a stained blood smear."""
    whole = cover.sum(axis=0)
    deep = ndimage.distance_transform_edt(whole > 0.5)
    pale = np.clip(2 * deep / max(1.0, deep.max()) - 0.8, 0, 1) * whole
    layers = ndimage.gaussian_filter(np.stack([whole, pale], axis=2), (blur, blur, 0))
    ground, cell, middle = ((222.0, 214.0, 210.0), (-32.0, -89.0, -80.0), (15.0, 35.0, 30.0))
    pixels = ground + layers[..., :1] * cell + layers[..., 1:] * middle
    return _noisy(pixels, random)


def _noisy(pixels: NDArray[np.float64], random: np.random.Generator) -> Pixels:
    noisy = pixels + random.normal(0, 2, pixels.shape)
    return np.rint(noisy.clip(0, 255)).astype(np.uint8)


def drawn(size: float, softness: float, drawing: Drawing, seed: int) -> Field:
    """16 ellipses of about `size` pixels across, none of which touch."""
    random = np.random.default_rng(seed)
    pitch = 1.6 * size + 4
    side = max(128, int(_ROWS * pitch) + 8)
    y, x = np.mgrid[:side, :side] + 0.5
    covers = []
    for row, column in np.ndindex(_ROWS, _ROWS):
        middle = (side - _ROWS * pitch) / 2 + (np.array([row, column]) + 0.5) * pitch
        middle += random.uniform(-0.15, 0.15, 2) * size
        axes, turn = size / 2 * random.uniform(0.9, 1.1, 2), random.uniform(0, np.pi)
        down, right = y - middle[0], x - middle[1]
        along = np.cos(turn) * right + np.sin(turn) * down
        across = np.cos(turn) * down - np.sin(turn) * right
        inside = 1 - np.hypot(along / axes[0], across / axes[1])
        covers.append(np.clip(inside * axes.min() + 0.5, 0, 1))
    cover = np.stack(covers)
    boxes = tuple(_box(single > 0.5) for single in cover)
    return Field(drawing(cover, softness * size, random), boxes)


def _box(mask: NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def overlap(one: Box, other: Box) -> float:
    """The intersection over the union of two boxes."""
    width = min(one.xmax, other.xmax) - max(one.xmin, other.xmin)
    height = min(one.ymax, other.ymax) - max(one.ymin, other.ymin)
    both = max(0.0, width) * max(0.0, height)
    return both / (one.width * one.height + other.width * other.height - both)


def matched(true: Sequence[Box], found: Sequence[Box]) -> int:
    """How many objects have an answer that overlaps by half or more; each answer counts once."""
    free, count = list(found), 0
    for box in true:
        best = max(free, key=lambda each: overlap(box, each), default=None)
        if best is not None and overlap(box, best) >= OVERLAP:
            free.remove(best)
            count += 1
    return count


class Model(NamedTuple):
    """What is asked, and how the model's fields are drawn."""

    task: Task
    drawing: Drawing


MODELS = {
    "nuclei": Model(Segment(), fluorescence),
    "blood-cells": Model(Detect(max_detections=10_000), smear),
}


def measured(ask: Asked, size: float, edge: str, model: str, n: int) -> Found:
    """What a model finds of objects of one size over `n` fields."""
    right = true = answers = 0
    for seed in range(n):
        field = drawn(size, EDGES[edge], MODELS[model].drawing, seed)
        result = ask(field.pixels).result
        assert isinstance(result, Objects)
        boxes = [found.box for found in result.objects]
        right += matched(field.boxes, boxes)
        true, answers = true + len(field.boxes), answers + len(boxes)
    return Found(right / true, right / max(1, answers))


def known(table: dict[float, dict[str, Found]]) -> Iterator[float]:
    """The sizes at which both kinds of edges are found, and little else."""
    for size, edges in table.items():
        if all(min(found) >= KNOWN for found in edges.values()):
            yield size


def photographs(path: Path, label: str, count: int) -> Iterator[Field]:
    """The first photographs of a COCO data set that have objects of a label, with their boxes."""
    data = json.loads(path.read_text(encoding="utf-8"))
    (wanted,) = (kind["id"] for kind in data["categories"] if kind["name"] == label)
    boxes: dict[int, list[Box]] = {}
    for each in data["annotations"]:
        if each["category_id"] == wanted:
            x, y, width, height = each["bbox"]
            boxes.setdefault(each["image_id"], []).append(Box(x, y, x + width, y + height))
    with_objects = [image for image in data["images"] if image["id"] in boxes]
    for image in with_objects[:count]:
        folder = (
            path.parent if (path.parent / image["file_name"]).exists() else path.parent / "images"
        )
        with Image.open(folder / image["file_name"]) as opened:
            yield Field(np.asarray(opened.convert("RGB")), tuple(boxes[image["id"]]))


def resized(field: Field, size: float) -> Field:
    """The field with a median object of `size` pixels across."""
    factor = size / float(np.median([(box.width * box.height) ** 0.5 for box in field.boxes]))
    image = Image.fromarray(field.pixels)
    sides = round(image.width * factor), round(image.height * factor)
    boxes = (Box(*(factor * edge for edge in box.json().values())) for box in field.boxes)
    return Field(np.asarray(image.resize(sides, Image.Resampling.BICUBIC)), tuple(boxes))


def f1(ask: Asked, fields: Sequence[Field], size: float, label: str) -> float:
    """The F1 score of a label over fields brought to one size."""
    right = boxes = 0
    for field in (resized(field, size) for field in fields):
        result = ask(field.pixels).result
        assert isinstance(result, Objects)
        found = [each.box for each in result.objects if each.label == label]
        right += matched(field.boxes, found)
        boxes += len(field.boxes) + len(found)
    return 2 * right / boxes


def of_photographs(ask: Asked, given: argparse.Namespace) -> list[float]:
    """The sizes that are known of labelled photographs, with a table."""
    fields = list(photographs(given.photographs, given.label, given.fields))
    table: dict[float, float] = {}
    for size in SIZES[SIZES.index(16) :]:
        table[size] = f1(ask, fields, size, given.label)
        print(f"{size:>8}{table[size]:>10.3f}", flush=True)
    best = max(table.values())
    return [size for size, value in table.items() if value >= KNOWN * best]


def of_drawings(ask: Asked, given: argparse.Namespace) -> list[float]:
    """The sizes that are known of drawn fields, with a table."""
    table: dict[float, dict[str, Found]] = {}
    print(f"{'pixels':>8}" + "".join(f"{edge + ' found, right':>24}" for edge in EDGES))
    for size in SIZES:
        edges = {edge: measured(ask, size, edge, given.model, given.fields) for edge in EDGES}
        table[size] = edges
        cells = (f"{found.recall:>16.2f}{found.precision:>8.2f}" for found in edges.values())
        print(f"{size:>8}" + "".join(cells), flush=True)
    return list(known(table))


def main(given: argparse.Namespace) -> None:
    task = MODELS[given.model].task
    with Engine() as engine:

        def ask(pixels: Pixels) -> Answer:
            data = io.BytesIO()
            np.save(data, pixels[..., 0] if pixels.shape[2] == 1 else pixels)
            return engine.ask(task, data.getvalue(), model=given.model)

        find = of_drawings if given.photographs is None else of_photographs
        sizes = find(ask, given)
    print(f"known: {min(sizes):g} to {max(sizes):g}" if sizes else "known: none")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("--fields", type=int, default=2, help="fields of each kind and size (2)")
    parser.add_argument("--photographs", type=Path, help="a COCO data set to measure on instead")
    parser.add_argument("--label", default="RBC", help="objects of this label are resized to (RBC)")
    return parser.parse_args()


if __name__ == "__main__":
    main(arguments())
