"""Brightest: where in a field the first class has its highest score."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.cards import ModelCard
from brightfield.results import Result
from brightfield.tasks.kinds.sliding import PlacedGrid, SlidingWindow
from tests.toys.number import Number


class Brightest(SlidingWindow):
    """The left edge of the best window; without a window 0."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("classify",)
    result: ClassVar[type[Result]] = Number

    def postprocess(self, output: Any, card: ModelCard) -> Number:
        return Number(0)

    def window_scores(self, output: Any, card: ModelCard) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = output.numpy()
        return scores

    def map_of(
        self, whole: Any, scores: NDArray[np.float32], placed: PlacedGrid, card: ModelCard
    ) -> Number:
        column = int(scores[:, 0].argmax()) % len(placed.grid.cols)
        return Number(placed.origin[0] + placed.grid.cols[column][0])
