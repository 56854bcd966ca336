"""What an explanation may ask of a model whose windows are computed incrementally."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from brightfield.models.incremental import CostEstimate, Schedule
from brightfield.tensors import Scores


@dataclass(frozen=True, slots=True)
class Windowed:
    """Some windows: their places in the grid, counted row by row, and their scores (n, T)."""

    places: NDArray[np.int64]
    scores: Scores


class Incremental(Protocol):
    """The windows of one image over a traced model (`models.incremental`)."""

    schedule: Schedule

    def estimate(self) -> CostEstimate:
        """Seconds of both ways, measured on this machine once and then remembered."""
        ...

    def base(self) -> Scores:
        """(1, T): the scores of the whole image."""
        ...

    def parts(self) -> Iterator[Windowed]:
        """The scores of all windows, in no particular order."""
        ...
