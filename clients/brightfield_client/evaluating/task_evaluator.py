"""What a task does with a data set: how it asks, and what it posts."""

from __future__ import annotations

import base64
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.evaluating.dataset import Case, Dataset
from brightfield_client.images import ImageSource
from brightfield_client.models import Model


class TaskEvaluator(ABC):
    """One model on one data set. `parameters` are those of the endpoint that the caller gave."""

    evaluation: ClassVar[str]
    """The task at /metrics."""
    size: ClassVar[int]
    """Cases of a chunk."""

    def __init__(self, model: Model, data: Dataset, parameters: Mapping[str, Any]) -> None:
        self.model = model
        self.data = data
        self.given = dict(parameters)
        unknown = [label for label in data.labels if label not in model.labels]
        if unknown:
            raise ValueError(
                f"The model {model.id} does not know {_some(unknown)}; it knows "
                f"{_some(model.labels)}."
            )

    def parameters(self) -> dict[str, Any]:
        """The parameters of the endpoint; those that the caller gave win."""
        return dict(self.given)

    def options(self) -> dict[str, Any]:
        """The options of the run."""
        return {}

    def source(self, case: Case) -> ImageSource:
        """The image that is asked about."""
        return case.path

    @abstractmethod
    def entry(self, case: Case, answer: Any | None) -> Any:
        """What a chunk says of a case, without an answer that it is missing; None: nothing.

        Raises `ValueError` where answer and truth do not fit.
        """

    @abstractmethod
    def document(self, entries: Sequence[Any]) -> dict[str, Any]:
        """A chunk as the service takes it."""


def pairs(entries: Sequence[Any]) -> dict[str, Any]:
    """The chunk of a task that compares pairs."""
    return {"pairs": list(entries)}


def file_entry(path: Path) -> dict[str, str]:
    """A file inside JSON, in its own format."""
    form = "npy" if path.suffix.lower() == ".npy" else "data"
    return {form: base64.b64encode(path.read_bytes()).decode()}


def array_entry(array: npt.NDArray[Any]) -> dict[str, str]:
    """Pixels inside JSON: PNG where it holds them, which is smaller, else NPY."""
    stream = io.BytesIO()
    colour = array.ndim == 3 and array.shape[2] == 3
    if (array.ndim == 2 and array.dtype in (np.uint8, np.uint16)) or (
        colour and array.dtype == np.uint8
    ):
        PillowImage.fromarray(array).save(stream, "PNG", compress_level=3)
        return {"data": base64.b64encode(stream.getvalue()).decode()}
    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
    return {"npy": base64.b64encode(stream.getvalue()).decode()}


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width of an image file, without reading its pixels."""
    if path.suffix.lower() == ".npy":
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
        return int(shape[0]), int(shape[1])
    with PillowImage.open(path) as picture:
        return picture.height, picture.width


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
