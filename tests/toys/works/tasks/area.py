"""Area: how many pixels are of the first class, in a field of any size."""

from __future__ import annotations

from typing import Any, ClassVar

from brightfield.geometry import Geometry
from brightfield.images.tiles import Tile
from brightfield.results import Result
from brightfield.tasks.kinds.dense import Canvas, Dense, Scene
from tests.toys.number import Number


class Area(Dense):
    """Pixels of the first class."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("segment",)
    result: ClassVar[type[Result]] = Number

    above: float = 0.0
    """Least logit of a pixel that counts."""

    def canvas(self, scene: Scene) -> Counting:
        return Counting(scene, self.above)


class Counting(Canvas):
    """Counts in the core of every tile, so that no pixel counts twice."""

    def __init__(self, scene: Scene, above: float) -> None:
        super().__init__(scene)
        self._above = above
        self._count = 0

    def add(self, output: Any, geometry: Geometry, tile: Tile) -> None:
        top, left = tile.core.y - tile.region.y, tile.core.x - tile.region.x
        core = output[0, 0, top : top + tile.core.height, left : left + tile.core.width]
        self._count += int((core > self._above).sum())

    def result(self) -> Number:
        return Number(self._count)
