"""Calls that let tokens attend to tokens, fused or written by hand.

O = A V with rows of A that are not negative and sum to 1. A fused call is known by its name; one by
hand is a product of two recorded matrices one of which has these properties, whatever computed it
(a softmax in most networks).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from brightfield.models.attention.replay import TensorsByNumber, done, filled
from brightfield.models.incremental.recording import RecordedCall, RecordedValue

_FUSED = ("aten._scaled_dot_product", "aten.scaled_dot_product_attention")
# Products of matrices, and which arguments are multiplied.
_PRODUCTS = {"aten.bmm": (0, 1), "aten.mm": (0, 1), "aten.baddbmm": (1, 2), "aten.addmm": (1, 2)}
# How far sums of weights may be from 1, by dtype.
_COARSE, _FINE = 3e-2, 1e-3


@dataclass(frozen=True, slots=True)
class AttentionCall:
    """One call that mixes tokens by weights.

    `asking` and `asked` count the tokens (rows and columns of A). `axis` is where the tokens of
    `values` (V, by its number) and of `output` (O) lie: -2, or -1 where V stands left of A^T.
    `weights` is the number of A among the recorded values; None where the call is fused.
    """

    call: RecordedCall
    asking: int
    asked: int
    axis: Literal[-2, -1]
    values: int
    output: int
    weights: int | None

    def matrix(self, values: Mapping[int, Tensor]) -> Tensor:
        """A as (heads, asking, asked); differentiable by what it was computed from."""
        if self.weights is None:
            weights = _fused_weights(self.call, values)
        else:
            weights = values[self.weights]
            weights = weights if self.axis == -2 else weights.transpose(-2, -1)
        return weights.reshape(-1, self.asking, self.asked)

    def attended(self, values: Mapping[int, Tensor], matrix: Tensor) -> TensorsByNumber:
        """What the call gives with another `matrix` as A."""
        if self.weights is None:
            query, value = (_given(self.call, values, name) for name in ("query", "value"))
            weights = matrix.reshape(*query.shape[:-1], self.asked)
            return {self.output: weights @ _for_heads(value, query.shape[1])}
        turned = matrix if self.axis == -2 else matrix.transpose(-2, -1)
        weights = turned.reshape(values[self.weights].shape)
        return done(self.call, {**values, self.weights: weights})


def attention_call(call: RecordedCall, values: Mapping[int, Tensor]) -> AttentionCall | None:
    """The call as one of attention; None if it is another one. `values` has what it reads."""
    output = call.outputs[0]
    if output is None:
        return None
    if call.name.startswith(_FUSED):
        query, _, value = (call.arguments[place] for place in range(3))
        if not isinstance(value, RecordedValue):
            return None
        asking, asked = filled(query, values).shape[-2], values[value.number].shape[-2]
        return AttentionCall(call, asking, asked, -2, value.number, output, None)
    if call.name in _PRODUCTS:
        left, right = (call.arguments[place] for place in _PRODUCTS[call.name])
        if isinstance(left, RecordedValue) and isinstance(right, RecordedValue):
            return _product(call, values, left.number, right.number, output)
    return None


def _product(
    call: RecordedCall, values: Mapping[int, Tensor], left: int, right: int, output: int
) -> AttentionCall | None:
    """The product of two matrices as attention, if one of them has weights."""
    if _weighs(values[left], -1):
        asking, asked = values[left].shape[-2:]
        return AttentionCall(call, asking, asked, -2, right, output, left)
    if _weighs(values[right], -2):
        asked, asking = values[right].shape[-2:]
        return AttentionCall(call, asking, asked, -1, left, output, right)
    return None


def _weighs(matrix: Tensor, axis: int) -> bool:
    """Whether the values aren't negative and sum to 1 along the axis."""
    if matrix.shape[axis] < 2 or not matrix.is_floating_point() or (matrix < 0).any():
        return False
    tolerance = _FINE if matrix.dtype in (torch.float32, torch.float64) else _COARSE
    sums = matrix.double().sum(axis)
    return bool(((sums - 1).abs() < tolerance).all())


def _fused_weights(call: RecordedCall, values: Mapping[int, Tensor]) -> Tensor:
    """softmax(Q K^T scale + mask) (B, H, N, M) of a fused call."""
    query, key = _given(call, values, "query"), _given(call, values, "key")
    scale = _given(call, values, "scale")
    scores = query @ _for_heads(key, query.shape[1]).transpose(-2, -1)
    scores = scores * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    mask = _given(call, values, "attn_mask", "attn_bias")
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    if _given(call, values, "is_causal"):
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    weights: Tensor = scores.softmax(-1)
    return weights


def _for_heads(tensor: Tensor, heads: int) -> Tensor:
    """Keys or values that several heads share, once for each head."""
    return tensor.repeat_interleave(heads // tensor.shape[1], 1)


def _given(call: RecordedCall, values: Mapping[int, Tensor], *names: str) -> Any:
    """An argument of a call by its name in the operation's schema; None if it isn't there."""
    for place, argument in enumerate(call.function._schema.arguments):
        if argument.name in names:
            found = call.keywords.get(argument.name)
            if place < len(call.arguments):
                found = call.arguments[place]
            return filled(found, values)
    return None
