"""The attention of a resident model for one image, as an operation of the lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from brightfield.errors import Unexplainable
from brightfield.models.attention.flow import HeadFusion, attention_layers, flow, recorded
from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.normalising import Rewrite, run
from brightfield.runtime.operations import RowSpan
from brightfield.targets import Attention
from brightfield.tensors import Images


@dataclass(frozen=True, slots=True)
class AttentionPass:
    """How attention moves information between tokens, for each row and its item's score.

    The score is taken of the model's output, before a `cut` end, or with `of` of what flows through
    a place within. `heads` fuses the weights of a layer; None weighs them by their gradients.

    Raises `Unexplainable` where the method doesn't fit the model, with methods that do.
    """

    heads: HeadFusion | None
    cut: Rewrite | None = None
    of: Tap | None = None

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Attention:
        try:
            found = [
                self._one(module, rows[row : row + 1], span)
                for span in spans
                for row in range(span.start, span.stop)
            ]
        except (Unexplainable, NotImplementedError, RuntimeError) as fault:
            reason = fault.detail if isinstance(fault, Unexplainable) else _UNUSUAL
            raise Unexplainable(
                f"The model's attention can't be shown. {reason} Use gradient, "
                "integrated_gradients, occlusion or rise, or grad_cam where it has spatial maps."
            ) from fault
        return Attention(*(torch.stack(part) for part in zip(*found, strict=True)))

    def _one(self, module: nn.Module, image: Images, span: RowSpan) -> tuple[Tensor, ...]:
        program = _Program(module, self)
        recording = recorded(program, image)
        layers = attention_layers(recording, image)
        moved = flow(recording, layers, image, span.argument, self.heads)
        mixed = -1 if layers.mixed_after is None else layers.mixed_after
        return (
            moved.matrices,
            moved.read,
            torch.from_numpy(layers.places),
            torch.tensor(mixed),
        )


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
