"""Saliency by guided backpropagation where Grad-CAM points."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from brightfield.explain.grad_cam import GradCam
from brightfield.explain.guided_backprop import guided_notes
from brightfield.explain.kinds.class_activation import enlarged, rounding_of
from brightfield.explain.kinds.saliency_method import SaliencyMethod
from brightfield.explain.maps.saliency_map import saliency_map
from brightfield.explain.method import Step
from brightfield.explain.probing.probe import Probe
from brightfield.tensors import Images


class GuidedGradCam(SaliencyMethod):
    """max over channels of |G * U|: guided backpropagation G (C, h, w), by Grad-CAM's map U (h, w).

    U is Grad-CAM with its ReLU, resized to the model's input bilinearly. Unsigned. Refused where
    either of the two is. Source: Selvaraju et al. 2017.
    """

    layer: str | None = None
    """Module whose output is weighed; name@0 is the first of its calls. Default: the last call of
    the card's layer, else the last one with places before the network's head."""

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        layer = probe.spatial_layer(self.layer, images)
        (by_layer,) = probe.gradients([images], layer.tap)
        coarse = GradCam.weighed(by_layer.activations[0], by_layer.gradients[0]).relu()
        if float(coarse.max()) <= rounding_of(by_layer):
            coarse = torch.zeros_like(coarse)
        yield Step(1, 2)
        (guided,) = probe.gradients([images], relu_rule="guided")
        weight = enlarged(coarse, images)
        # Chosen and not multiplied: an infinite gradient times 0 would be NaN.
        values = torch.where(weight > 0, guided.gradients[0] * weight, 0).abs().amax(dim=0)
        result = saliency_map(
            self.name,
            probe,
            values,
            signed=False,
            **layer.facts(),
        )
        yield Step(2, 2, result=result.stating(*layer.notes, *guided_notes(guided)))
