"""Saliency by a layer's feature maps, each place weighed by its own gradient."""

from __future__ import annotations

import torch

from brightfield.explain.kinds.class_activation import ClassActivation


class HiresCam(ClassActivation):
    """ReLU(sum over k of d score / d A_k * A_k), place by place.

    A_k is the k-th map of the layer. Where one linear layer follows, the map before its ReLU sums
    to the score less the bias, so it shows the places that the score is made of, which Grad-CAM's
    mean over space may not. Resized to the model's input bilinearly; not normalised.
    Source: Draelos and Carin 2020, "Use HiResCAM instead of Grad-CAM".
    """

    @staticmethod
    def weighed(activations: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
        return (gradients * activations).sum(dim=0)
