"""Saliency by a transformer's attention, multiplied from layer to layer."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field

from brightfield.explain.kinds.attention_map import AttentionMap
from brightfield.images.picture import Note
from brightfield.models.attention.flow import HeadFusion


class AttentionRollout(AttentionMap):
    """R = B_L ... B_1 with B = (1 - residual) A + residual I, its rows divided by their sums.

    A is a layer's weights with its heads fused, L the last layer. Unsigned; the values of all
    tokens sum to 1. The same whatever the target is: it shows where the model looks, not what it
    sees there. Source: Abnar and Zuidema 2020.
    """

    notes: ClassVar[tuple[Note, ...]] = (
        Note(
            "not_class_specific",
            "Attention rollout doesn't depend on the target: it shows where the model looks. Use "
            "attention_relevance for what supports a class.",
        ),
    )

    heads: HeadFusion = "mean"
    """How the heads of a layer become one: the `mean`, `max` or `min` of their weights."""
    residual: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """The part of a token that goes past each layer of attention."""

    @property
    def fusion(self) -> HeadFusion | None:
        return self.heads

    def followed(self, matrices: torch.Tensor) -> torch.Tensor:
        same = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
        reached = same
        for weights in matrices:
            layer = (1 - self.residual) * weights + self.residual * same
            reached = layer / layer.sum(dim=-1, keepdim=True) @ reached
        return reached
