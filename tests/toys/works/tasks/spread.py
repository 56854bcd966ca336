"""Spread: how far apart the values of a layer are."""

from __future__ import annotations

from typing import Any, ClassVar

from brightfield.cards import ModelCard
from brightfield.results import Result
from brightfield.tasks.kinds.whole import Whole
from tests.toys.number import Number


class Spread(Whole):
    """The greatest value of a layer less the least."""

    result: ClassVar[type[Result]] = Number
    borrows: ClassVar[str | None] = "classify"

    layer: str = "logits"
    """The layer."""

    @property
    def reads(self) -> str | None:
        return self.layer

    def postprocess(self, output: Any, card: ModelCard) -> Number:
        return Number(float(output.max() - output.min()))
