"""Probabilities and what came true: the sample of scoring rules and of calibration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.family import Family
from brightfield.metrics.statistics.logistic import LogisticLine
from brightfield.metrics.statistics.resampling import Codes, SampleWeights

Probabilities = NDArray[np.float64]

# The least and, from 1, the greatest probability whose logarithm is taken, as scikit-learn has it.
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Forecasts:
    """(n,) each: squared error, surprise -ln p, and what calibration compares.

    `confidence` is a probability and `hit` whether what it is the probability of came true: the
    positive class with two classes, the most probable class with more.
    """

    squared: Probabilities
    surprise: Probabilities
    confidence: Probabilities
    hit: NDArray[np.bool_]
    bins: int

    @classmethod
    def binary(
        cls, probability: Probabilities, positive: NDArray[np.bool_], bins: int
    ) -> Forecasts:
        """From the (n,) probabilities of the positive class."""
        squared, surprise = np.empty_like(probability), np.empty_like(probability)
        for own in blocks(probability.size):
            of_truth = np.where(positive[own], probability[own], 1 - probability[own])
            np.square(probability[own] - positive[own], out=squared[own])
            surprise[own] = _surprise(of_truth)
        return cls(squared, surprise, probability, positive, bins)

    @classmethod
    def several(cls, probabilities: Probabilities, truth: Codes, bins: int) -> Forecasts:
        """From (n, k) probabilities whose rows sum to 1."""
        rows = np.arange(truth.size)
        of_truth = probabilities[rows, truth]
        squared = (probabilities**2).sum(axis=1) - of_truth**2 + (1 - of_truth) ** 2
        best = probabilities.argmax(axis=1)
        return cls(squared, _surprise(of_truth), probabilities[rows, best], best == truth, bins)

    @property
    def n(self) -> int:
        return int(self.confidence.size)

    @cached_property
    def of_bin(self) -> Codes:
        """(n,) the bin of each probability, 0 to `bins` - 1; its upper edge belongs to a bin."""
        edges = np.linspace(0, 1, self.bins + 1)
        return np.searchsorted(edges[1:-1], self.confidence, side="left")

    @cached_property
    def logits(self) -> NDArray[np.float64]:
        """(n,) ln(p / (1 - p)) of each probability, which is cut as for a logarithm."""
        cut = np.clip(self.confidence, EPSILON, 1 - EPSILON)
        return np.log(cut / (1 - cut))

    @cached_property
    def sloped(self) -> LogisticLine:
        """How the odds of what came true follow those that were stated."""
        return LogisticLine(self.logits, self.hit, True)

    @cached_property
    def shifted(self) -> LogisticLine:
        """The same with a slope of 1."""
        return LogisticLine(self.logits, self.hit, False)

    def followed_by(self, other: Forecasts) -> Forecasts:
        """Both, one after the other."""
        return Forecasts(
            np.concatenate([self.squared, other.squared]),
            np.concatenate([self.surprise, other.surprise]),
            np.concatenate([self.confidence, other.confidence]),
            np.concatenate([self.hit, other.hit]),
            self.bins,
        )

    def weighted(self, weights: SampleWeights) -> SampleWeights:
        return weights


def binned(numbers: SampleWeights, of_bin: Codes, bins: int) -> NDArray[np.float64]:
    """(B, bins): sums of (B, n) numbers by the bin of each."""
    places = of_bin
    if len(numbers) > 1:
        places = of_bin + bins * np.arange(len(numbers))[:, None]
    sums = np.bincount(places.ravel(), weights=numbers.ravel(), minlength=len(numbers) * bins)
    return sums.astype(np.float64).reshape(len(numbers), bins)


def _surprise(probability: Probabilities) -> Probabilities:
    found = np.clip(probability, EPSILON, 1 - EPSILON)
    np.log(found, out=found)
    return np.negative(found, out=found)


class ForecastFamily(Family[Forecasts, SampleWeights]):
    """Metrics of probabilities."""
