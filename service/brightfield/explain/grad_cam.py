"""Saliency by a layer's feature maps, weighed by their mean gradients."""

from __future__ import annotations

import torch

from brightfield.explain.kinds.class_activation import ClassActivation


class GradCam(ClassActivation):
    """ReLU(sum over k of w_k A_k), with w_k the mean over space of d score / d A_k.

    A_k is the k-th map of the layer; the tokens of a transformer are read as maps, without those
    that stand for no place. The map is resized to the model's input bilinearly; its
    values are not normalised. Source: Selvaraju et al. 2017.
    """

    @staticmethod
    def weighed(activations: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
        return torch.einsum("k,khw->hw", gradients.mean(dim=(1, 2)), activations)
