"""Saliency by a layer's feature maps, weighed by their gradients."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from brightfield.errors import Unexplainable
from brightfield.explain.method import Method, Step
from brightfield.explain.probe import Probe
from brightfield.explain.saliency_map import saliency_map
from brightfield.targets import Gradient
from brightfield.tensors import Images


class GradCam(Method):
    """ReLU(sum over k of w_k A_k), with w_k the mean over space of d score / d A_k.

    A_k is the k-th map of the layer. The map is resized to the model's input bilinearly; its
    values are not normalised. Source: Selvaraju et al. 2017.
    """

    layer: str | None = None
    """Module whose output is weighed; left out: the card's, else the last one with spatial maps."""
    relu: bool = True
    """Keep only what speaks for the target; without it the map is signed."""

    def __call__(self, probe: Probe, images: Images) -> Iterator[Step]:
        layer = probe.spatial_layer(self.layer)
        (gradient,) = probe.gradients([images], layer)
        coarse = self._weighed(gradient, layer)
        values = torch.nn.functional.interpolate(
            coarse[None, None], size=images.shape[-2:], mode="bilinear", align_corners=False
        )[0, 0]
        yield Step(
            1,
            1,
            result=saliency_map(
                self.name,
                probe,
                values,
                signed=not self.relu,
                layer=layer,
                layer_size=list(coarse.shape),
            ),
        )

    def _weighed(self, gradient: Gradient, layer: str) -> torch.Tensor:
        """(h, w) of the layer's own grid."""
        maps = gradient.activations
        if maps.dim() != 4 or maps.shape[2] * maps.shape[3] == 1:
            raise Unexplainable(
                f"The layer {self.layer or layer!r} has no spatial maps, which Grad-CAM needs; "
                "choose a convolution, or use gradient, smoothgrad or integrated_gradients."
            )
        weights = gradient.gradients[0].mean(dim=(1, 2))
        coarse = torch.einsum("k,khw->hw", weights, gradient.activations[0])
        return coarse.relu() if self.relu else coarse
