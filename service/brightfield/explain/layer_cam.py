"""Saliency by a layer's feature maps, weighed by their positive gradients."""

from __future__ import annotations

import torch

from brightfield.explain.kinds.class_activation import ClassActivation


class LayerCam(ClassActivation):
    """ReLU(sum over k of max(d score / d A_k, 0) * A_k), place by place.

    A_k is the k-th map of the layer. Early layers have fine maps here: name one as `layer`. Resized
    to the model's input bilinearly; not normalised. Source: Jiang et al. 2021.
    """

    @staticmethod
    def weighed(activations: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
        return (gradients.clamp(min=0) * activations).sum(dim=0)
