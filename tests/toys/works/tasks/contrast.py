"""Contrast: how far apart the first and the last class are."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from brightfield.cards import ModelCard
from brightfield.results import Result
from brightfield.tasks.kinds.whole import Whole
from tests.toys.number import Number


class Contrast(Whole):
    """The score of the first class less that of the last."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("classify",)
    result: ClassVar[type[Result]] = Number

    times: Annotated[int, Field(ge=1)] = 1
    """A factor."""

    def postprocess(self, output: Any, card: ModelCard) -> Number:
        return Number(self.times * float(output[0, 0] - output[0, -1]))
