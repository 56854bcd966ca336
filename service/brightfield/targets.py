"""What an explanation is about: one score of a model's output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch

from brightfield.tensors import Scores

Score = Callable[[Any], torch.Tensor]
"""From the model's unnormalised output of B images to (B,) scores, differentiable."""

Kind = Literal["logit", "probability"]
"""The scale of a score: unnormalised, or after the card's activation."""


@dataclass(frozen=True, slots=True)
class Target:
    """A class (or another part of the output) with its `score` and the whole image's `value`.

    What is no class has no `class_id`.
    """

    label: str
    class_id: int | None
    score: Score
    value: float

    def payload(self) -> dict[str, Any]:
        return {"label": self.label, "class_id": self.class_id}


class Gradient(NamedTuple):
    """`scores` (B,), `gradients` of each score by its own row, and what they were taken by.

    Without a layer `activations` is the input (B, C, H, W), else the layer's output; `gradients`
    has the same shape.
    """

    scores: Scores
    gradients: torch.Tensor
    activations: torch.Tensor
