"""Where the true class stands among the scores of a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.family import Family
from brightfield.metrics.statistics.resampling import Codes, SampleWeights


@dataclass(frozen=True, eq=False)
class TruePlaces:
    """(n,) how many classes stand before the true one: those with a greater score, and of equal
    scores those that come first, as for the prediction."""

    before: Codes

    @classmethod
    def of(cls, scores: NDArray[np.float64], truth: Codes) -> TruePlaces:
        """From (n, k) scores."""
        found, classes = np.empty(truth.size, np.int64), np.arange(scores.shape[1])
        for own in blocks(truth.size):
            part, true = scores[own], truth[own, None]
            of_truth = np.take_along_axis(part, true, axis=1)
            ahead = (part > of_truth) | ((part == of_truth) & (classes < true))
            found[own] = ahead.sum(axis=1)
        return cls(found)

    @property
    def n(self) -> int:
        return int(self.before.size)

    def followed_by(self, other: TruePlaces) -> TruePlaces:
        """Both, one after the other."""
        return TruePlaces(np.concatenate([self.before, other.before]))

    def weighted(self, weights: SampleWeights) -> SampleWeights:
        return weights


class PlaceFamily(Family[TruePlaces, SampleWeights]):
    """Metrics of the true class's place."""
