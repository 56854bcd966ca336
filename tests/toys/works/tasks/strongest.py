"""Strongest: the greatest value in the maps of a layer."""

from __future__ import annotations

from typing import ClassVar

import torch

from brightfield.results import Result
from brightfield.tasks.kinds.layer import LayerReading
from brightfield.tasks.units.inside import Placed
from tests.toys.number import Number


class Strongest(LayerReading):
    """The greatest value that a layer has anywhere in the image."""

    result: ClassVar[type[Result]] = Number

    least: float = 0.0
    """What stands for all that is less."""

    def postprocess(self, maps: torch.Tensor, placed: Placed) -> Number:
        return Number(max(self.least, float(maps.max())))
