"""Average: the mean score of a class over several images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from brightfield.cards import ModelCard
from brightfield.results import Result
from brightfield.tasks.kinds.several import ImageOutput, Several
from tests.toys.number import Number


class Average(Several):
    """The mean score of a class over all images."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("classify",)
    result: ClassVar[type[Result]] = Number

    of_class: int = 0
    """The class, by its id."""

    def combined(self, outputs: Iterable[ImageOutput], card: ModelCard) -> Number:
        return Number(float(np.mean([float(one.output[0, self.of_class]) for one in outputs])))
