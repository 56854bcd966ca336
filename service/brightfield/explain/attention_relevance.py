"""Saliency by a transformer's attention, weighed by its gradients."""

from __future__ import annotations

import torch

from brightfield.explain.kinds.attention_map import AttentionMap
from brightfield.models.attention.flow import HeadFusion


class AttentionRelevance(AttentionMap):
    """R = (I + E_L) ... (I + E_1) with E = mean over heads of max(A * d score / d A, 0).

    A is a layer's weights, L the last layer. Unsigned: only weights that support the target count.
    Source: Chefer, Gur and Wolf 2021, the rule for self-attention.
    """

    @property
    def fusion(self) -> HeadFusion | None:
        return None

    def followed(self, matrices: torch.Tensor) -> torch.Tensor:
        reached = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
        for weighed in matrices:
            reached = reached + weighed @ reached
        return reached
