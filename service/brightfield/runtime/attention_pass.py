"""The attention of a resident model for one image, as an operation of the lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from brightfield.errors import Unexplainable
from brightfield.models.attention.flow import HeadFusion, attention_layers, flow, recorded
from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.normalising import Rewrite, run
from brightfield.runtime.operations import RowSpan
from brightfield.targets import Attention
from brightfield.tensors import Images


@dataclass(frozen=True, slots=True)
class AttentionPass:
    """How attention moves information between one row's tokens, for the item's score.

    The score is taken of the model's output, before a `cut` end, or with `of` of what flows through
    a place within. `heads` fuses the weights of a layer; None weighs them by their gradients.

    Raises `Unexplainable` where the method doesn't fit the model, with methods that do.
    """

    heads: HeadFusion | None
    cut: Rewrite | None = None
    of: Tap | None = None

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Attention:
        ((_, _, score),) = spans
        try:
            recording = recorded(_Program(module, self), rows)
            layers = attention_layers(recording, rows)
            moved = flow(recording, layers, rows, score, self.heads)
        except (Unexplainable, RuntimeError) as fault:
            reason = fault.detail if isinstance(fault, Unexplainable) else _UNUSUAL
            raise Unexplainable(
                f"The model's attention can't be shown. {reason} Use gradient, "
                "integrated_gradients, occlusion or rise, or grad_cam where it has spatial maps."
            ) from fault
        mixed = torch.tensor(-1 if layers.mixed_after is None else layers.mixed_after)
        places = torch.from_numpy(layers.places)
        return Attention(moved.matrices[None], moved.read[None], places[None], mixed[None])


class _Program(nn.Module):
    """From an image to what the score is taken of; holds on to no module."""

    def __init__(self, module: nn.Module, attention: AttentionPass) -> None:
        super().__init__()
        self._parts = (module, attention)

    def forward(self, rows: Images) -> object:
        module, attention = self._parts
        if attention.of is None:
            return run(module, rows, attention.cut)
        with reading(module, (attention.of,)) as read:
            run(module, rows, attention.cut)
        return read[attention.of]


_UNUSUAL = "A pass of it can't be done again with its gradients."
