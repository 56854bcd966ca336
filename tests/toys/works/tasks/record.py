"""Record: the image in which a unit has its greatest value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from brightfield.results import Result
from brightfield.tasks.kinds.unit_search import UnitSearch
from brightfield.tasks.units.patch import Patch
from brightfield.tasks.units.top_activations import TopActivations
from tests.toys.number import Number


class Record(UnitSearch):
    """The number, from 0, of the image that excites the layer's first unit most."""

    result: ClassVar[type[Result]] = Number
    borrows: ClassVar[str | None] = "classify"

    def shown(self, top: TopActivations) -> dict[int, int]:
        return {0: 0}

    def found(self, layer: str, units: Mapping[int, Sequence[Patch]], rule: str) -> Number:
        return Number(units[0][0].image)
