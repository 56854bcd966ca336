"""How each recorded call hands relevance back to the values that it read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from brightfield.errors import Unexplainable
from brightfield.models.incremental.recording import RecordedCall, RecordedValue
from brightfield.models.relevance.affine import Affine
from brightfield.models.relevance.rules import Given, RelevanceRule, stable, wide

CallValues = Mapping[int, Any]
"""What was computed, by its number."""

Relevances = Sequence[Tensor | None]
"""Of each result of a call; None: it has none."""

# Values are moved, copied, chosen or left out, and stay what they are: a copy's relevance goes to
# what it is a copy of, and that of a maximum to the greatest value.
MOVING = frozenset([
    "_pixel_shuffle", "_reshape_alias", "_to_copy", "_unsafe_index", "_unsafe_view", "alias",
    "adaptive_max_pool2d", "adaptive_max_pool3d", "amax", "as_strided", "cat", "clone",
    "constant_pad_nd", "diagonal", "expand", "flip", "gather", "im2col", "index", "index_select",
    "lift_fresh", "masked_fill", "max", "max_pool2d", "max_pool2d_with_indices",
    "max_pool3d_with_indices", "max_unpool2d", "max_unpool3d", "maximum",
    "native_channel_shuffle", "permute", "pixel_shuffle", "pixel_unshuffle", "reflection_pad1d",
    "reflection_pad2d", "reflection_pad3d", "repeat", "replication_pad1d", "replication_pad2d",
    "replication_pad3d", "roll", "select", "slice", "split", "split_with_sizes", "squeeze",
    "stack", "t", "transpose", "unbind", "unfold", "unsqueeze", "view", "where",
])  # fmt: skip

# Sums of values with fixed weights, and without a bias.
SUMMING = frozenset([
    "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "_upsample_bilinear2d_aa",
    "_upsample_bicubic2d_aa", "_upsample_nearest_exact2d", "add", "avg_pool2d", "avg_pool3d",
    "mean", "rsub", "sub", "sum", "upsample_bicubic2d", "upsample_bilinear2d",
    "upsample_linear1d", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d",
    "upsample_trilinear3d",
])  # fmt: skip

# Functions of each value alone.
ACTIVATIONS = frozenset([
    "_prelu_kernel", "celu", "clamp", "clamp_max", "clamp_min", "detach", "elu", "gelu",
    "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_sigmoid_forward",
    "mish", "relu", "selu", "sigmoid", "silu", "softplus",
    "softshrink", "tanh", "threshold",
])  # fmt: skip

# What doesn't depend on the values that it is given.
CONSTANT = frozenset(
    ["empty_like", "full_like", "new_empty", "new_full", "new_ones", "new_zeros", "ones_like",
     "zeros_like"]
)  # fmt: skip


OTHERS = "Use gradient, integrated_gradients, grad_cam, occlusion or rise."
_WHAT = {
    "mul": "multiplies values that both depend on the image (a gate, such as squeeze-excitation)",
    "bmm": "multiplies values that both depend on the image (attention)",
    "_softmax": "normalises inside the network (attention)",
    "native_layer_norm": "normalises by the image's own statistics",
    "native_group_norm": "normalises by the image's own statistics",
    "var_mean": "normalises by the image's own statistics",
}


class RelevanceStep(Protocol):
    """One call of the network, or several in one."""

    @property
    def outputs(self) -> Sequence[int | None]: ...

    def back(self, values: CallValues, relevance: Relevances) -> Given:
        """What its inputs and its constants are given of the relevance of its results."""
        ...


@dataclass(frozen=True, slots=True)
class Weighted:
    """A layer with weights, by a rule."""

    outputs: Sequence[int | None]
    layer: Affine
    rule: RelevanceRule

    def back(self, values: CallValues, relevance: Relevances) -> Given:
        given = relevance[0]
        assert given is not None
        return self.rule.back(self.layer, values[self.layer.source], given)


@dataclass(frozen=True, slots=True)
class Passed:
    """A function of each value alone, or its scale and shift by constants: y's relevance is x's."""

    call: RecordedCall

    @property
    def outputs(self) -> Sequence[int | None]:
        return self.call.outputs

    def back(self, values: CallValues, relevance: Relevances) -> Given:
        given = relevance[0]
        assert given is not None
        (number,) = self.call.inputs
        # An x that was broadcast has that of all its y.
        return Given([(number, given.sum_to_size(values[number].shape))], given.new_zeros(()))


@dataclass(frozen=True, slots=True)
class Relocated:
    """CallValues are moved, copied or chosen, and their relevance with them."""

    call: RecordedCall

    @property
    def outputs(self) -> Sequence[int | None]:
        return self.call.outputs

    def back(self, values: CallValues, relevance: Relevances) -> Given:
        parts = [(n, share) for n, _, share in _pulled(self.call, values, relevance)]
        there = [each for each in relevance if each is not None]
        return Given(parts, _total(there) - _total([share for _, share in parts]))


@dataclass(frozen=True, slots=True)
class Summed:
    """Every value has the share of the sum's relevance that it has of the sum."""

    call: RecordedCall
    stabiliser: float

    @property
    def outputs(self) -> Sequence[int | None]:
        return self.call.outputs

    def back(self, values: CallValues, relevance: Relevances) -> Given:
        given, made = relevance[0], self.call.outputs[0]
        assert given is not None
        assert made is not None
        quotient = wide(given) / stable(wide(values[made]), self.stabiliser)
        shares = _pulled(self.call, values, [quotient, *(None for _ in relevance[1:])])
        parts = [(n, wide(x) * share) for n, x, share in shares]
        return Given(parts, given.new_zeros(()))


@dataclass(frozen=True, slots=True)
class Ended:
    """A constant, which keeps its relevance."""

    call: RecordedCall

    @property
    def outputs(self) -> Sequence[int | None]:
        return self.call.outputs

    def back(self, values: CallValues, relevance: Relevances) -> Given:
        return Given([], _total([each for each in relevance if each is not None]))


@dataclass(frozen=True, slots=True)
class Unruled:
    """A call that no rule is known for; it may be there where no relevance comes."""

    call: RecordedCall

    @property
    def outputs(self) -> Sequence[int | None]:
        return self.call.outputs

    def back(self, values: CallValues, relevance: Relevances) -> Given:
        name = self.call.name.partition(".")[2]
        what = _WHAT.get(name)
        told = f"the operation {name.strip('_')}" + ("" if what is None else f", which {what}")
        raise Unexplainable(f"LRP has no rule for {told}. {OTHERS}")


def run_call(call: RecordedCall, values: CallValues) -> Sequence[Any]:
    """What a call gives for these values."""
    arguments, keywords = pytree.tree_map_only(
        RecordedValue, lambda leaf: values[leaf.number], (call.arguments, dict(call.keywords))
    )
    outcome = call.function(*arguments, **keywords)
    return outcome if isinstance(outcome, tuple | list) else (outcome,)


def _total(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack([part.double().sum() for part in parts]).sum() if parts else torch.zeros(())


def _pulled(
    call: RecordedCall, values: CallValues, relevance: Relevances
) -> list[tuple[int, Tensor, Tensor]]:
    """By each reading of a value: its number, itself, and the call's transpose of the relevance."""
    readings: list[tuple[int, Tensor]] = []

    def leaf_of(value: RecordedValue) -> Any:
        known = values[value.number]
        if not known.is_floating_point():
            return known
        leaf = known.detach().requires_grad_()
        readings.append((value.number, leaf))
        return leaf

    marked = pytree.tree_map_only(RecordedValue, leaf_of, (call.arguments, dict(call.keywords)))
    arguments, keywords = marked
    with torch.enable_grad():
        outcome = call.function(*arguments, **keywords)
    results = outcome if isinstance(outcome, tuple | list) else (outcome,)
    there = [(y, r) for y, r in zip(results, relevance, strict=True) if r is not None]
    found = torch.autograd.grad(
        [y for y, _ in there],
        [leaf for _, leaf in readings],
        [r.to(y.dtype) for y, r in there],
        allow_unused=True,
    )
    return [
        (number, leaf.detach(), share)
        for (number, leaf), share in zip(readings, found, strict=True)
        if share is not None
    ]
