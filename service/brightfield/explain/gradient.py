"""Saliency by the gradient of a class score."""

from __future__ import annotations

from collections.abc import Iterator

from brightfield.explain.kinds.pixel_gradients import PixelGradients
from brightfield.explain.maps.saliency_map import saliency_map
from brightfield.explain.method import Step
from brightfield.explain.probing.probe import Probe
from brightfield.tensors import Images


class GradientSaliency(PixelGradients):
    """max over channels of |d score / d pixel|, by one backward pass.

    Unsigned, in score units per unit of the normalised input.
    Source: Simonyan, Vedaldi and Zisserman 2014.
    """

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        (gradient,) = probe.gradients([images])
        values = gradient.gradients[0].abs().amax(dim=0)
        yield Step(1, 1, result=saliency_map(self.name, probe, values, signed=False))
