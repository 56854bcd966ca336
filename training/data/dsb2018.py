"""The nuclei fields of the 2018 Data Science Bowl (BBBC038) as the service sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.picture import Picture

KINDS = ("fluorescence", "he_purple", "brightfield")
"""Kinds of staining, by their names in `splits.json`."""

_MAX_PIXELS = 10_000_000


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its picture as the service decodes it, and who is where.

    `labels` is (H, W) int32, 0 the background and 1..n one nucleus each.
    """

    id: str
    kind: str
    picture: Picture
    labels: NDArray[np.int32]


def fields(folder: Path, part: Literal["train", "val"]) -> Iterator[Field]:
    """The fields of one part, in the order of `splits.json`.

    `folder` holds `images/ID.png`, `labels/ID.png` (16-bit) and `splits.json`, which lists for
    each part the `id` and `kind` of its fields.
    """
    splits = json.loads((folder / "splits.json").read_text(encoding="utf-8"))
    for entry in splits[part]:
        name = f"{entry['id']}.png"
        labels = _picture(folder / "labels" / name).pixels[:, :, 0].astype(np.int32)
        yield Field(entry["id"], entry["kind"], _picture(folder / "images" / name), labels)


def _picture(path: Path) -> Picture:
    return decode(path.read_bytes(), limits=Limits(_MAX_PIXELS))
