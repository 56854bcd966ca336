"""Saliency by the input times its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch

from brightfield.explain.kinds.pixel_gradients import PixelGradients
from brightfield.explain.maps.saliency_map import saliency_map
from brightfield.explain.method import Step
from brightfield.explain.probing.probe import Probe
from brightfield.tensors import Images


class InputTimesGradient(PixelGradients):
    """sum over channels of x * d score / d x, with x the normalised input; signed.

    For a model that is linear without a bias the values sum to the score.
    Source: Shrikumar et al. 2016.
    """

    times_input: ClassVar[bool] = True

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        (gradient,) = probe.gradients([images])
        # Chosen and not multiplied: an infinite gradient times 0 would be NaN.
        products = torch.where(images[0] == 0, 0, gradient.gradients[0] * images[0])
        values = products.sum(dim=0)
        yield Step(1, 1, result=saliency_map(self.name, probe, values, signed=True))
