"""What an architecture is: a module by its file's name, and what a detector puts out."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn


class Architecture(nn.Module):
    """A network whose file name is its name on a card (`[architecture] name = ...`).

    The other keys of that section are the keyword arguments of `__init__`. Activations are
    modules of their own and never work in place, so that hooks and gradients reach each of them.
    """

    @classmethod
    def rename(cls, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """A published state dict with its keys as this class names them; as it is by default."""
        return state


class Candidates(NamedTuple):
    """N candidates for each of B images, in pixels of the model's input, before any threshold.

    Suppression of doubles comes later, so that tiles can be put together first.
    """

    boxes: Tensor
    """(B, N, 4) xmin, ymin, xmax, ymax; or (B, N, K, 4) where each class has a box of its own."""
    logits: Tensor
    """(B, N, K) unnormalised; with the activation `softmax` (B, N, K + 1), background first."""
    points: Tensor
    """(B, N, 2) x, y of the place that the candidate comes from, which says whose tile it is; NaN
    where a row is filled up and stands for nothing."""
    masks: Tensor | None = None
    """(B, N, K, h, w) or (B, N, 1, h, w) unnormalised, laid over each candidate's box."""
    classes: Tensor | None = None
    """(B, N) the only class that a candidate stands for. Default: any."""
    full: Tensor | None = None
    """(B,) whether the network found as many objects as it puts out at most, so that there may be
    more of them. Default: it puts out all."""
