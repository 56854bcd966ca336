"""Writing an answer to a file whose suffix says how."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

Writers = Mapping[str, str | Callable[[Path], object]]
"""By suffix: a function that writes, or the form in which the service is asked again."""


def save_as(answer: Any, path: str | Path, writers: Writers, **choice: Any) -> Path:
    """Write by the suffix of `path`; .json is the whole answer, and .tiff is .tif. The service is
    asked with the `choice`.

    Raises `ValueError` for a suffix that the answer does not have.
    """
    path = Path(path)
    known: Writers = {**writers, ".json": lambda file: write_json(file, answer.to_dict())}
    write = known.get(path.suffix.lower().replace(".tiff", ".tif"))
    if write is None:
        kind, suffixes = type(answer).__name__, ", ".join(known)
        raise ValueError(f"{kind} is saved as {suffixes}, not as {path.suffix!r}.")
    if isinstance(write, str):
        answer.again(write, **choice).save(path)
    else:
        write(path)
    return path


def as_npy(array: npt.NDArray[Any]) -> Callable[[Path], object]:
    """What writes an array as .npy."""
    return partial(np.save, arr=array, allow_pickle=False)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(dict(document), ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_tiff(path: Path, array: npt.NDArray[Any], pixel_size: float | None) -> None:
    """Grey of 8 and 16 bits or float32, or colour of 8 bits, with the size of a pixel (µm)."""
    tags: dict[str, Any] = {"compression": "tiff_adobe_deflate"}
    if pixel_size is not None:
        per_centimetre = 1e4 / pixel_size
        tags |= {"resolution_unit": 3}  # centimetres
        tags |= {"x_resolution": per_centimetre, "y_resolution": per_centimetre}
    PillowImage.fromarray(array).save(path, "TIFF", **tags)
