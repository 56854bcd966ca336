"""Saliency by the squared gradient."""

from __future__ import annotations

from collections.abc import Iterator

from brightfield.explain.kinds.pixel_gradients import PixelGradients
from brightfield.explain.maps.saliency_map import saliency_map
from brightfield.explain.method import Step
from brightfield.explain.probing.probe import Probe
from brightfield.tensors import Images


class Steepest(PixelGradients):
    """Sum over channels of (d score / d pixel)^2."""

    factor: float = 1.0
    """What the map is multiplied by."""

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        (gradient,) = probe.gradients([images])
        values = self.factor * gradient.gradients[0].square().sum(dim=0)
        yield Step(1, 1, result=saliency_map(self.name, probe, values, signed=False))
