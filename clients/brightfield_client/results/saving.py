"""Writing an answer to a file whose suffix says how."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
from PIL import Image as PillowImage

Write = Callable[[Path], object]


def save_as(path: str | Path, writers: Mapping[str, Write], what: str) -> Path:
    """Write by the suffix of `path`. Raises `ValueError` for one that is not among `writers`."""
    path = Path(path)
    write = writers.get(path.suffix.lower())
    if write is None:
        raise ValueError(f"{what} is saved as {', '.join(writers)}, not as {path.suffix!r}.")
    write(path)
    return path


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(dict(document), ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(rows)


def write_tiff(path: Path, array: npt.NDArray[Any], pixel_size: float | None) -> None:
    """Grey of 8 and 16 bits or float32, or colour of 8 bits, with the size of a pixel (µm)."""
    tags: dict[str, Any] = {"compression": "tiff_adobe_deflate"}
    if pixel_size is not None:
        per_centimetre = 1e4 / pixel_size
        tags |= {"resolution_unit": 3}  # centimetres
        tags |= {"x_resolution": per_centimetre, "y_resolution": per_centimetre}
    PillowImage.fromarray(array).save(path, "TIFF", **tags)
