"""BCCD: photographs of blood smears with boxes around red cells, white cells and platelets."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.images.decode import decode
from brightfield.images.limits import Limits

SOURCE = """
bccd/ with images/, train.json and val.json in COCO form: github.com/Shenggan/BCCD_Dataset (MIT),
its Pascal VOC annotations written as COCO, without the official test part.
"""
CLASSES = ("RBC", "WBC", "Platelets")
MAX_PIXELS = 1 << 24


@dataclass(frozen=True, slots=True)
class Smear:
    """One photograph's file and its cells."""

    id: int
    path: Path
    boxes: NDArray[np.float32]
    """(n, 4) xmin, ymin, xmax, ymax in pixels from the outer corner of the top-left pixel."""
    classes: NDArray[np.int64]
    """(n,) positions in `CLASSES`."""

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) RGB, as the service decodes it."""
        picture = decode(self.path.read_bytes(), limits=Limits(MAX_PIXELS))
        return np.ascontiguousarray(picture.pixels)


def coco_file(data: Path, part: Literal["train", "val"]) -> Path:
    """The COCO file of a part of the set."""
    return data / "bccd" / f"{part}.json"


def smears(data: Path, part: Literal["train", "val"]) -> tuple[Smear, ...]:
    """The photographs of a part, in the order of the file."""
    content = json.loads(coco_file(data, part).read_text(encoding="utf-8"))
    names = {category["id"]: category["name"] for category in content["categories"]}
    cells = defaultdict(list)
    for cell in content["annotations"]:
        cells[cell["image_id"]].append(cell)
    return tuple(
        _smear(
            image["id"], data / "bccd" / "images" / image["file_name"], cells[image["id"]], names
        )
        for image in content["images"]
    )


def _smear(key: int, path: Path, cells: Sequence[Any], names: dict[int, str]) -> Smear:
    corners = np.array([cell["bbox"] for cell in cells], np.float32).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    classes = np.array([CLASSES.index(names[cell["category_id"]]) for cell in cells], np.int64)
    return Smear(key, path, corners, classes)


def category_ids(data: Path) -> dict[int, int]:
    """The COCO file's category for each position in `CLASSES`."""
    content = json.loads(coco_file(data, "val").read_text(encoding="utf-8"))
    return {CLASSES.index(c["name"]): c["id"] for c in content["categories"]}
