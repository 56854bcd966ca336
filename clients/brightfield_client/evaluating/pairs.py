"""What a model makes of an image, against a true picture of the same size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.calls.predictions import image_entry
from brightfield_client.evaluating.dataset import Case, Dataset, by_stem, by_table, is_table
from brightfield_client.evaluating.task_evaluator import TaskEvaluator

Entry = Mapping[str, Any]
"""A picture inside JSON."""


class PairEvaluator(TaskEvaluator):
    """Pairs of a truth, which is a file, and of what the model made.

    `names` are the two in a chunk, and `word` is the truth in a complaint. Truths lie in the folder
    `truths`; what was made is the attribute `made` of an answer.
    """

    names: ClassVar[tuple[str, str]]
    word: ClassVar[str]
    truths: ClassVar[str]
    made: ClassVar[str]

    @classmethod
    def opened(cls, path: Path, truth: Path | None) -> Dataset:
        if is_table(path):
            return by_table(path, files=True)
        return by_stem(*((path / "images", path / cls.truths) if truth is None else (path, truth)))

    def entry(self, case: Case, answer: Any | None) -> Any:
        group = {} if case.group is None else {"group": case.group}
        true, made = None, None
        if answer is not None:
            pixels = getattr(answer, self.made)
            true, size = self.truth(case)
            if size != pixels.shape[:2]:
                raise ValueError(
                    f"The {self.word} has {size[1]} x {size[0]} pixels and the image "
                    f"{pixels.shape[1]} x {pixels.shape[0]}."
                )
            made = array_entry(pixels)
        return {"id": case.id, **dict(zip(self.names, (true, made), strict=True)), **group}

    def document(self, entries: Sequence[Any]) -> dict[str, Any]:
        return {"pairs": list(entries)}

    def truth(self, case: Case) -> tuple[Entry, tuple[int, ...]]:
        """The truth as the chunk has it, and its height and width."""
        if case.truth.suffix.lower() == ".npy":
            array = np.load(case.truth, allow_pickle=False)
            return image_entry(array), array.shape[:2]
        with PillowImage.open(case.truth) as picture:  # without reading its pixels
            return image_entry(case.truth), (picture.height, picture.width)


def array_entry(array: npt.NDArray[Any]) -> Entry:
    """Pixels inside JSON: PNG where it holds them, which is smaller, else NPY."""
    grey = array.ndim == 2 and array.dtype in (np.uint8, np.uint16)
    colour = array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8
    entry: Entry = image_entry(PillowImage.fromarray(array) if grey or colour else array)
    return entry
