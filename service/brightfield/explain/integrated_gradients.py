"""Saliency by the gradient along the way from a baseline to the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from brightfield.explain.kinds.pixel_gradients import PixelGradients
from brightfield.explain.maps.saliency_map import saliency_map
from brightfield.explain.method import Step
from brightfield.explain.probing.baselines import Baseline, baseline_images
from brightfield.explain.probing.probe import Probe
from brightfield.tensors import Images, chunked


class IntegratedGradients(PixelGradients):
    """sum over channels of (x - x') * integral of d score / d x at x' + a (x - x'), a in [0, 1].

    Signed. Completeness: over all pixels the exact integral sums to f(x) - f(x');
    `completeness_gap` is the absolute difference that the finite sum leaves.
    Source: Sundararajan, Taly and Yan 2017.
    """

    times_input: ClassVar[bool] = True

    steps: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Points of the integral."""
    baseline: Baseline = "mean"
    """Start of the path: `mean`, `zero`, `grey`, `blur`, or a number before mean and std."""
    rule: Literal["gauss_legendre", "midpoint"] = "gauss_legendre"
    """How the integral is summed; Gauss-Legendre is exact to degree 2 steps - 1."""

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        start = baseline_images(self.baseline, images, probe.card.input)
        path = images - start
        points, weights = self._rule()
        copies = (start[0] + float(point) * path[0] for point in points)
        integral = torch.zeros_like(images[0], dtype=torch.float64)
        done = 0
        for gradient in probe.gradients(chunked(copies, probe.chunk(gradients=True))):
            rows = len(gradient.gradients)
            part = torch.from_numpy(weights[done : done + rows])
            integral += torch.einsum("b,bchw->chw", part, gradient.gradients.double())
            done += rows
            if done < self.steps:
                yield Step(done, self.steps)
        # Chosen and not multiplied: an infinite gradient times 0 would be NaN.
        attribution = torch.where(path[0] == 0, 0, integral * path[0].double())
        (ends,) = probe.scores([torch.cat([images, start])])
        gap = abs(float(attribution.sum() - (ends[0, 0] - ends[1, 0]).double()))
        values = attribution.sum(dim=0)
        yield Step(
            done,
            self.steps,
            result=saliency_map(
                self.name,
                probe,
                values,
                signed=True,
                completeness_gap=gap,
                baseline=self.baseline,
                steps=self.steps,
            ),
        )

    def _rule(self) -> tuple[np.ndarray, np.ndarray]:
        """Points in (0, 1) and weights that sum to 1."""
        if self.rule == "midpoint":
            return (np.arange(self.steps) + 0.5) / self.steps, np.full(self.steps, 1 / self.steps)
        points, weights = np.polynomial.legendre.leggauss(self.steps)
        return (points + 1) / 2, weights / weights.sum()
