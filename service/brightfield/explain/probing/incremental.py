"""What an explanation may ask of a model whose windows are computed incrementally."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.models.incremental import CostEstimate, Schedule
from brightfield.tensors import Scores


@dataclass(frozen=True, slots=True)
class Windowed:
    """Some windows: their places in the grid, counted row by row, and their scores (n, T)."""

    places: NDArray[np.int64]
    scores: Scores


# How far scores may differ from those of plain passes, by the range of the scores, and besides by
# units of the last place, which is what rounding can do.
_WRONG = 1e-4
_ROUNDINGS = 64
# From here on rounding may show in the windows that nobody compared: where those that were compared
# differ so far, or where so many units of the last place would be seen.
_ROUNDED = 2e-5
_SHOWING = 8


@dataclass(frozen=True, slots=True)
class PlainComparison:
    """How scores compare with those of plain passes, for each target (T,): how far they differ, the
    range of all scores that are known, and the size of the largest."""

    difference: Scores
    spread: Scores
    size: Scores

    @classmethod
    def of(cls, found: Scores, plain: Scores, known: Scores) -> PlainComparison:
        """Of `found` and `plain` (n, T), with all that is `known` (m, T)."""
        every = torch.cat([known, plain])
        difference = (found - plain).abs().amax(0)
        return cls(difference, every.amax(0) - every.amin(0), every.abs().amax(0))

    def wrong(self) -> str | None:
        """Why the scores are wrong, as a sentence; None if they are right, but for rounding."""
        rounding = _ROUNDINGS * torch.finfo(self.size.dtype).eps * self.size
        if self._within(_WRONG * self.spread + rounding):
            return None
        return f"For this image the model's plan gives other scores than the model{self._told()}."

    def rounded(self) -> str | None:
        """Why right scores are not exact enough; None if they are."""
        last_places = _SHOWING * torch.finfo(self.size.dtype).eps * self.size
        if self._within(_ROUNDED * self.spread) and bool(
            (last_places <= _WRONG * self.spread).all()
        ):
            return None
        return f"The scores change so little that rounding would show{self._told()}."

    def _within(self, allowed: Scores) -> bool:
        return bool((self.difference <= allowed).all())

    def _told(self) -> str:
        worst = int((self.difference / self.spread).nan_to_num(torch.inf).argmax())
        differs, spread = float(self.difference[worst]), float(self.spread[worst])
        return f": they differ by {differs:.2g}, of a range of {spread:.2g}"


class Incremental(Protocol):
    """The windows of one image over a traced model (`models.incremental`)."""

    schedule: Schedule

    def estimate(self) -> CostEstimate:
        """Seconds of both ways, measured on this machine once and then remembered."""
        ...

    def agreement(self) -> PlainComparison:
        """The base, and a window of every usual kind, against plain passes of this image."""
        ...

    @property
    def checks(self) -> int:
        """Complete passes of the check."""
        ...

    def base(self) -> Scores:
        """(1, T): the scores of the whole image."""
        ...

    def parts(self) -> Iterator[Windowed]:
        """The scores of all windows, in no particular order."""
        ...
