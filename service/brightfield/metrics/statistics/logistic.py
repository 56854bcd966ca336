"""Logistic lines: how the odds of what came true follow the odds that were stated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.resampling import SampleWeights

Lines = NDArray[np.float64]
"""(B, 2): of each of B samples the intercept and the slope."""

_STEPS = 50
_CLOSE = 1e-9
# A step beyond this leads from one flat part of the likelihood to another.
_FARTHEST = 4.0
# Of more rows a part gives the start.
_MANY = 100_000


@dataclass(frozen=True, eq=False)
class LogisticLine:
    """P(hit) = 1 / (1 + exp(-(intercept + slope x))) by greatest likelihood, of (n,) x and hits.

    With `sloped` False the slope is 1 and the intercept alone is found.
    """

    x: NDArray[np.float64]
    hit: NDArray[np.bool_]
    sloped: bool

    @cached_property
    def separated(self) -> bool:
        """Whether some x lies between all hits and all others, so that no slope is steep enough."""
        right, wrong = self.x[self.hit], self.x[~self.hit]
        if not (right.size and wrong.size):
            return True
        return bool(right.min() >= wrong.max() or wrong.min() >= right.max())

    @cached_property
    def whole(self) -> Lines:
        """(1, 2) of the sample itself; NaN where there is no greatest likelihood."""
        if self.sloped and self.separated:
            return np.full((1, 2), np.nan)
        start = np.array([[0.0, 1.0]])
        if self.x.size > _MANY:
            part = slice(None, None, self.x.size // (_MANY // 2))
            start = LogisticLine(self.x[part], self.hit[part], self.sloped).whole
            start = np.where(np.isfinite(start), start, [[0.0, 1.0]])
        return self._climbed(np.ones((1, self.x.size)), start)

    def fits(self, weights: SampleWeights) -> Lines:
        """(B, 2) of B weighted samples; NaN where there is no greatest likelihood."""
        return self._climbed(weights, np.repeat(self.whole, len(weights), axis=0))

    def deviations(self) -> NDArray[np.float64]:
        """(n, 2): how far each row moves intercept and slope, by its leverage h more:

            H^-1 (1, x) (hit - p) / (1 - h)

        Their squares sum to the variance of a jackknife in one step. Source: MacKinnon and White,
        "Some heteroskedasticity-consistent covariance matrix estimators", Journal of Econometrics
        29, 1985 (HC3).
        """
        line = self.whole
        _, curvature = self._slopes(np.ones((1, self.x.size)), line)
        inverse = self._inverse(curvature)[0]
        found = np.empty((self.x.size, 2))
        for own in blocks(self.x.size):
            x = self.x[own]
            p = scipy.special.expit(line[0, 0] + line[0, 1] * x)
            moved = np.stack([inverse[0, 0] + inverse[0, 1] * x, inverse[1, 0] + inverse[1, 1] * x])
            leverage = p * (1 - p) * (moved[0] + moved[1] * x)
            found[own] = (moved * ((self.hit[own] - p) / (1 - leverage))).T
        return found

    def _climbed(self, weights: SampleWeights, line: Lines) -> Lines:
        """Newton's steps to the greatest likelihood."""
        line = line.copy()
        step = np.full_like(line, np.inf)
        for _ in range(_STEPS):
            gradient, curvature = self._slopes(weights, line)
            step = np.einsum("bij,bj->bi", self._inverse(curvature), gradient)
            line += np.clip(step, -_FARTHEST, _FARTHEST)
            if not (np.abs(step) > _CLOSE).any():
                break
        line[~(np.abs(step).max(axis=1) <= np.sqrt(_CLOSE))] = np.nan
        return line

    def _slopes(
        self, weights: SampleWeights, line: Lines
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(B, 2) gradient and (B, 2, 2) negative curvature of the logarithmic likelihood."""
        gradient, curvature = np.zeros((len(line), 2)), np.zeros((len(line), 2, 2))
        for own in blocks(self.x.size):
            x, weight = self.x[own], weights[:, own]
            p = scipy.special.expit(line[:, :1] + line[:, 1:] * x)
            left = weight * (self.hit[own] - p)
            flat = weight * p * (1 - p)
            gradient += np.stack([left.sum(axis=1), left @ x], axis=1)
            once = flat @ x
            rows = [flat.sum(axis=1), once], [once, flat @ (x * x)]
            curvature += np.stack([np.stack(row, axis=1) for row in rows], axis=1)
        return gradient, curvature

    def _inverse(self, curvature: NDArray[np.float64]) -> NDArray[np.float64]:
        a, b, c = curvature[:, 0, 0], curvature[:, 0, 1], curvature[:, 1, 1]
        found = np.zeros_like(curvature)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.sloped:
                scale = 1 / (a * c - b * b)
                found[:, 0, 0], found[:, 1, 1] = c * scale, a * scale
                found[:, 0, 1] = found[:, 1, 0] = -b * scale
            else:
                found[:, 0, 0] = 1 / a
        return found
