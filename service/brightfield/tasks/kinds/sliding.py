"""Tasks that answer from one look, and can slide that look over a large field."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from brightfield.cards import ModelCard
from brightfield.images.windows import WindowGrid
from brightfield.parameters import Extent
from brightfield.results import Result
from brightfield.tasks.kinds.whole import Whole


@dataclass(frozen=True, slots=True)
class PlacedGrid:
    """A grid of windows, `origin` (x, y) of it in an image of `size` (height, width) pixels."""

    grid: WindowGrid
    origin: tuple[int, int]
    size: tuple[int, int]


class SlidingWindow(Whole):
    """A task of the whole image which, given a `window`, also looks through it everywhere."""

    window: Extent | None = None
    """Slide over the field: the window's side, or height,width, in image pixels. Default: one look
    at the whole image."""
    stride: Extent | None = None
    """Step of the window in image pixels. Default: half the window."""

    @property
    def lengthy(self) -> bool:
        return self.window is not None

    @model_validator(mode="after")
    def _of_a_window(self) -> Self:
        if self.window is None and self.stride is not None:
            raise ValueError("stride belongs to a sliding window; give window, too")
        return self

    @abstractmethod
    def window_scores(self, output: Any, card: ModelCard) -> NDArray[np.float32]:
        """(n, K): the scores of n windows, from the model's output for them."""

    @abstractmethod
    def map_of(
        self, whole: Any, scores: NDArray[np.float32], placed: PlacedGrid, card: ModelCard
    ) -> Result:
        """The result from what `postprocess` gave for the `whole` image and from the scores
        (windows, K) of all windows, in the grid's row-major order."""
