"""Super-resolution: enlarged images against references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.evaluating.dataset import Case
from brightfield_client.evaluating.task_evaluator import (
    TaskEvaluator,
    array_entry,
    file_entry,
    pairs,
    picture_size,
)
from brightfield_client.images import ImageSource

_MODES = frozenset({"L", "RGB"})


class SuperResolutionEvaluator(TaskEvaluator):
    """Pairs of a small image and its reference; or single images (`truth` None), which are made
    smaller by Pillow's antialiased bicubic filter first, after cutting off what the scale leaves
    over at the right and below.

    The luminance is compared without a border as wide as the scale, as super-resolution is
    measured by convention.
    """

    evaluation: ClassVar[str] = "restoration"
    size: ClassVar[int] = 4

    @property
    def scale(self) -> int:
        return int((self.model.raw.get("output") or {}).get("scale") or 1)

    def options(self) -> dict[str, Any]:
        return {"luminance": True, "border": self.scale}

    def source(self, case: Case) -> ImageSource:
        if case.truth is not None:
            return case.path
        picture = self._reference(case)
        width, height = picture.width // self.scale, picture.height // self.scale
        return np.asarray(picture.resize((width, height), PillowImage.Resampling.BICUBIC))

    def entry(self, case: Case, answer: Any | None) -> Any:
        pair = {"id": case.id, "reference": None, "image": None}
        if case.group is not None:
            pair["group"] = case.group
        if answer is None:
            return pair
        reference, size = self._truth(case)
        pixels: npt.NDArray[Any] = answer.pixels
        if size != pixels.shape[:2]:
            raise ValueError(
                f"The reference has {size[1]} x {size[0]} pixels and the enlarged image "
                f"{pixels.shape[1]} x {pixels.shape[0]}."
            )
        return {**pair, "reference": reference, "image": array_entry(pixels)}

    def document(self, entries: Sequence[Any]) -> dict[str, Any]:
        return pairs(entries)

    def _truth(self, case: Case) -> tuple[dict[str, str], tuple[int, int]]:
        """The reference as the chunk has it, and its height and width."""
        if case.truth is not None:
            return file_entry(case.truth), picture_size(case.truth)
        picture = self._reference(case)
        return array_entry(np.asarray(picture)), (picture.height, picture.width)

    def _reference(self, case: Case) -> PillowImage.Image:
        with PillowImage.open(case.path) as opened:
            if opened.mode not in _MODES:
                raise ValueError(
                    f"{case.path.name} has the mode {opened.mode}, and only grey and colour of 8 "
                    "bits are made smaller here; bring pairs, in `images` and `reference`."
                )
            width, height = (side - side % self.scale for side in opened.size)
            if not (width and height):
                raise ValueError(f"{case.path.name} is smaller than {self.scale} pixels.")
            return opened.crop((0, 0, width, height))
