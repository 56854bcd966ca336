"""What methods share that look at gradients by pixels: they can look from any neuron."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
import torch
from pydantic import model_validator

from brightfield.explain.kinds.saliency_method import SaliencyMethod
from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.maps.saliency_map import SaliencyMap
from brightfield.explain.probing.neuron import Neuron
from brightfield.explain.probing.probe import Probe
from brightfield.images.picture import Note
from brightfield.tensors import Images, Map

# A gradient that moves the score by less than this part of it, over the whole range of the input.
_FAINT = 1e-6
# Less than this part of the score isn't resolved in float32.
_RESOLVED = 1.2e-7
# Relative, a little above what float32 resolves.
_JITTER = 1e-5
_SATURATED = Note(
    "saturated",
    "The gradient is so small that no pixel moves the score: it is saturated, or nearly constant, "
    "and the map shows the little that is left. Try integrated_gradients with another baseline, "
    "occlusion or rise.",
)


def _alike(values: Map, other: Map) -> bool:
    """Whether two maps correlate."""
    if not np.isfinite(other).all() or np.ptp(other) == 0:
        return False
    return float(np.corrcoef(values.ravel(), other.ravel())[0, 1]) > 0.5


class PixelGradients(SaliencyMethod):
    """A method on gradients by the input: of a class score, or of one value of a feature map."""

    neuron: Neuron | None = None
    """Explain one value of `layer` instead of a class score: c,y,x, or one number in a flat
    layer."""
    times_input: ClassVar[bool] = False
    """Whether values are parts of the score, gradients times input; else by unit of input."""

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

    def judged(self, result: Explanation, probe: Probe, images: Images) -> Explanation:
        """As for all methods; a gradient far below the score is taken once more, of an image that
        differs by rounding: if it is another one, it is rounding itself."""
        assert isinstance(result, SaliencyMap)
        if not self._is_faint(result, images):
            return result.judged()
        if self._moves(result, images) < _RESOLVED * abs(result.target.value):
            return replace(result, noise=float(np.abs(result.values).max())).judged()
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0)).to(images)
        *_, last = self.explain(probe, images * (1 + _JITTER * noise))
        assert isinstance(last.result, SaliencyMap)
        if _alike(result.values, last.result.values):
            return result.stating(_SATURATED).judged()
        return replace(result, noise=float(np.abs(result.values).max())).judged()

    def _is_faint(self, result: SaliencyMap, images: Images) -> bool:
        moves, score = self._moves(result, images), abs(result.target.value)
        return bool(np.isfinite([moves, score]).all()) and 0 < moves < _FAINT * score

    def _moves(self, result: SaliencyMap, images: Images) -> float:
        """By how much a pixel moves the score, over the whole range of the input."""
        span = 1.0 if self.times_input else float(images.max() - images.min())
        return float(np.abs(result.values).max()) * span

    @property
    def targeted(self) -> bool:
        return self.neuron is None

    def aimed(self, probe: Probe, images: Images) -> Probe:
        if self.neuron is None or self.layer is None:
            return probe
        return probe.at_neuron(images, self.layer, self.neuron)
