"""What methods share that look at gradients by pixels: they can look from any neuron."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from brightfield.explain.kinds.saliency_method import SaliencyMethod
from brightfield.explain.probing.neuron import Neuron
from brightfield.explain.probing.probe import Probe
from brightfield.tensors import Images


class PixelGradients(SaliencyMethod):
    """A method on gradients by the input: of a class score, or of one value of a feature map."""

    neuron: Neuron | None = None
    """Explain one value of `layer` instead of a class score: c,y,x, or one number in a flat
    layer."""
    layer: str | None = None
    """The layer of `neuron`, as GET /models/{id}/layers names it."""

    @model_validator(mode="after")
    def _neuron_of_a_layer(self) -> Self:
        if (self.neuron is None) != (self.layer is None):
            raise ValueError("neuron and layer belong together; give both, or neither")
        other = "target" if self.target != ("top",) else self.place
        if self.neuron is not None and other is not None:
            raise ValueError(f"a neuron is explained instead of a {other}; give one of the two")
        return self

    @property
    def targeted(self) -> bool:
        return self.neuron is None

    def aimed(self, probe: Probe, images: Images) -> Probe:
        if self.neuron is None or self.layer is None:
            return probe
        return probe.at_neuron(images, self.layer, self.neuron)
