"""Tracing a model for incremental occlusion, or saying why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from brightfield.models.incremental.base import as_input, evaluate
from brightfield.models.incremental.graph import Graph, build
from brightfield.models.incremental.operations import Convolution
from brightfield.models.incremental.recording import Unrecordable, record
from brightfield.models.incremental.schedule import MOST_BYTES, Schedule, Spans, make_schedule
from brightfield.models.incremental.trial import misfit
from brightfield.tensors import Images

# With less than this part of the multiply-adds on crops, even free crops would hardly pay.
_LEAST_SHARE = 0.2

_GLOBAL = {
    "mean": "averages over the whole map",
    "_adaptive_avg_pool2d": "averages over cells of unequal size",
    "native_layer_norm": "normalises over more than a channel",
    "native_group_norm": "normalises over the whole map",
    "convolution": "convolves transposed, or not in two dimensions",
    "view": "rearranges its maps",
    "permute": "rearranges its maps",
    "var_mean": "normalises over the whole map",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reason` is a sentence that says why a model cannot be computed incrementally."""

    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class IncrementalPlan:
    """A traced model for inputs of one size, dtype and device.

    `share` is the part of its multiply-adds that runs on crops. Holds on to the module's weights
    (private copies, where a batch normalisation was folded into them).
    """

    graph: Graph
    share: float
    dtype: torch.dtype

    def schedule(self, rows: Spans, cols: Spans, *, most_bytes: int = MOST_BYTES) -> Schedule:
        """Windows over every span of rows with every span of columns, as `images.windows` gives.

        One rectangle is a single row and a single column: a what-if.

        Raises `InvalidParameter` for a window that is not inside the input.
        """
        return make_schedule(self.graph, rows, cols, self.dtype.itemsize, most_bytes)

    def forward(self, images: Images) -> Any:
        """The model's output for complete images (B, C, H, W)."""
        with torch.inference_mode():
            return evaluate(self.graph, as_input(images)).output

    @property
    def size_bytes(self) -> int:
        """Memory of the convolutions' weights, were none of them the module's own."""
        return sum(
            step.operation.weight.numel() * step.operation.weight.element_size()
            for step in self.graph.steps
            if isinstance(step.operation, Convolution)
        )


def followed(module: nn.Module, sample: Images) -> tuple[Graph, float] | Refusal:
    """What the module does with a sample (1, C, H, W), and the share of multiply-adds that can run
    on crops; or why it can't be followed. One pass; the result isn't tried."""
    if any(part.training for part in module.modules()):
        return Refusal("The model is in training mode, in which images are not independent.")
    try:
        recording = record(module, sample[:1])
    except Unrecordable as fault:
        return Refusal(f"The model cannot be traced, because {fault}.")
    graph = build(recording, (sample.shape[1], sample.shape[2], sample.shape[3]))
    local = graph.multiply_adds()
    whole = local + graph.head.multiply_adds(graph.shapes)
    share = local / whole if whole else 0.0
    return Refusal(_blocked(graph, share)) if share < _LEAST_SHARE else (graph, share)


def trace(module: nn.Module, sample: Images) -> IncrementalPlan | Refusal:
    """A plan for images like `sample` (1, C, H, W), or why there is none.

    The module runs once on the sample, to be recorded, and some times on noise, for which the plan
    must give the same, on complete maps and on crops (`trial`). It must be in eval mode; nothing of
    it is changed, and it gets no hooks. Covered are convolutions, batch normalisation, functions of
    single values, max and average pooling, padding with constants, sums and concatenations, in any
    order and branching; what comes behind the first other operation runs in full. Refused is a
    model that does little before that.
    """
    found = followed(module, sample)
    if isinstance(found, Refusal):
        return found
    graph, share = found
    wrong = misfit(graph, module, sample)
    return IncrementalPlan(graph, share, sample.dtype) if wrong is None else Refusal(wrong)


def _blocked(graph: Graph, share: float) -> str:
    """The first operation that looks at complete maps, in words."""
    first = graph.head.calls[0].name.partition(".")[2] if graph.head.calls else "nothing"
    deed = _GLOBAL.get(first, f"does what no rule is known for ({first})")
    multiplied = any("mul" in call.name for call in graph.head.calls)
    if first in ("mean", "_adaptive_avg_pool2d") and multiplied:
        deed += " and scales its maps by that (squeeze-excitation)"
    return (
        f"After {100 * share:.0f} % of its multiply-adds the model {deed}, so that a patch changes "
        "everything behind."
    )
