"""Super-resolution: enlarged images against references."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image as PillowImage

from brightfield_client.evaluating.dataset import Case, Dataset, images_in, is_table, of_cases
from brightfield_client.evaluating.pairs import Entry, PairEvaluator, array_entry
from brightfield_client.images import ImageSource

_MODES = frozenset({"L", "RGB"})


class SuperResolutionEvaluator(PairEvaluator):
    """Pairs of a small image and its reference; or single images (`truth` None), which are made
    smaller by Pillow's antialiased bicubic filter first, after cutting off what the scale leaves
    over at the right and below.

    The luminance is compared without a border as wide as the scale, as super-resolution is
    measured by convention.
    """

    evaluation = "restoration"
    size: ClassVar[int] = 4
    names: ClassVar[tuple[str, str]] = ("reference", "image")
    word: ClassVar[str] = "reference"
    truths: ClassVar[str] = "reference"
    made: ClassVar[str] = "pixels"

    @classmethod
    def opened(cls, path: Path, truth: Path | None) -> Dataset:
        if truth is not None or is_table(path) or (path / cls.truths).is_dir():
            return super().opened(path, truth)
        cases = [Case(file.relative_to(path).as_posix(), file, None) for file in images_in(path)]
        return of_cases(cases, path)

    @property
    def scale(self) -> int:
        return int(self.output.get("scale") or 1)

    def options(self) -> dict[str, Any]:
        return {"luminance": True, "border": self.scale, "faulty": "exclude"}

    def source(self, case: Case) -> ImageSource:
        if case.truth is not None:
            return case.path
        picture = self._reference(case)
        width, height = picture.width // self.scale, picture.height // self.scale
        return np.asarray(picture.resize((width, height), PillowImage.Resampling.BICUBIC))

    def truth(self, case: Case) -> tuple[Entry, tuple[int, ...]]:
        if case.truth is not None:
            return super().truth(case)
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
