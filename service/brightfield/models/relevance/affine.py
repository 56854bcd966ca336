"""Recorded calls that are an affine function of one value, with what scales them folded in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from brightfield.models.incremental.recording import RecordedCall, RecordedValue
from brightfield.models.incremental.translation import bound, scale_and_shift

Apply = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""From input, weight and bias (or None) to the output."""

ScaleAndShift = tuple[Tensor, Tensor]
"""y = x scale + shift; both broadcast to y."""


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """A layer with weights: y = apply(x, weight, bias), with x the value `source`.

    `dense` layers are matrix products, the others convolutions. The output's channels are the axis
    `made` of the output and `kept` of the weight (None: they aren't one axis of it).
    """

    source: int
    weight: Tensor
    bias: Tensor | None
    apply: Apply
    dense: bool
    made: int
    kept: int | None

    def folded(self, scaling: ScaleAndShift, shape: tuple[int, ...]) -> Affine | None:
        """The layer whose output is that of this one, `shape`, scaled and shifted by channel; None
        where it isn't by channel alone."""
        channels = [_by_channel(part, shape, self.made) for part in scaling]
        if self.kept is None or channels[0] is None or channels[1] is None:
            return None
        scale, shift = (part.to(self.weight) for part in channels if part is not None)
        along = [1] * self.weight.dim()
        along[self.kept] = -1
        bias = shift if self.bias is None else shift + self.bias * scale
        return replace(self, weight=self.weight * scale.reshape(along), bias=bias)


def affine(call: RecordedCall) -> Affine | None:
    """The layer that a call is; None for all others, and where its weights depend on the image."""
    rule = _LAYERS.get(call.name.partition(".")[2])
    if rule is None or len(call.inputs) != 1:
        return None
    return rule(call, bound(call))


def scaling(call: RecordedCall) -> ScaleAndShift | None:
    """The scale and shift that a call gives one value by constants; None for all others."""
    if len(call.inputs) != 1:
        return None
    if "batch_norm" in call.name:
        return _normalisation(call)
    given = bound(call)
    first, second = given.get("self"), given.get("other", 0.0)
    comes_first = isinstance(first, RecordedValue)
    rule = _ARITHMETIC.get((call.name.partition(".")[2], comes_first))
    if rule is None or given.get("rounding_mode") is not None:
        return None
    return rule(_tensor(second if comes_first else first), _tensor(given.get("alpha", 1)))


def _normalisation(call: RecordedCall) -> ScaleAndShift | None:
    found, shape = scale_and_shift(call), call.shapes[0]
    if found is None or shape is None:
        return None
    along = (1, -1, *(1 for _ in shape[2:]))
    return found[0].reshape(along), found[1].reshape(along)


def _tensor(constant: Any) -> Tensor:
    return constant if isinstance(constant, Tensor) else torch.tensor(float(constant))


def _by_channel(values: Tensor, shape: tuple[int, ...], axis: int) -> Tensor | None:
    """(C,) of a constant that is broadcast to `shape` and differs along one axis alone."""
    sizes = (*(1 for _ in range(len(shape) - values.dim())), *values.shape)
    axis %= len(shape)
    if len(sizes) != len(shape) or any(n != 1 for i, n in enumerate(sizes) if i != axis):
        return None
    return values.reshape(-1).expand(shape[axis])


def _convolution(call: RecordedCall, given: Mapping[str, Any]) -> Affine | None:
    weight, bias, transposed = given["weight"], given["bias"], given["transposed"]
    if not isinstance(given["input"], RecordedValue):
        return None
    options = tuple(value for name, value in given.items() if name not in _OPERANDS_OF_CONVOLUTION)
    kept = 0 if not transposed else 1 if given["groups"] == 1 else None

    def apply(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        made: Tensor = call.function(x, w, b, *options)
        return made

    return Affine(given["input"].number, weight, bias, apply, dense=False, made=1, kept=kept)


def _linear(call: RecordedCall, given: Mapping[str, Any]) -> Affine | None:
    if not isinstance(given["input"], RecordedValue):
        return None
    apply = torch.nn.functional.linear
    return Affine(
        given["input"].number, given["weight"], given["bias"], apply, dense=True, made=-1, kept=0
    )


def _added_product(call: RecordedCall, given: Mapping[str, Any]) -> Affine | None:
    """bias + first second."""
    first, second = (given[name] for name in _OPERANDS[call.name.partition(".")[2]])
    if isinstance(given["self"], RecordedValue):
        return None
    bias = given["self"] * given["beta"]
    found = _of_two(first, second)
    if found is None:
        return None
    return replace(found, weight=found.weight * given["alpha"], bias=bias)


def _product(call: RecordedCall, given: Mapping[str, Any]) -> Affine | None:
    return _of_two(given["self"], given[_OPERANDS[call.name.partition(".")[2]][1]])


def _of_two(first: Any, second: Any) -> Affine | None:
    """A matrix product of a value and a constant, whichever comes first."""
    if isinstance(first, RecordedValue):
        kept = second.dim() - 1 if second.dim() > 1 else None
        return Affine(first.number, second, None, _times, dense=True, made=-1, kept=kept)
    apply = partial(_times, turned=True)
    return Affine(second.number, first, None, apply, dense=True, made=-1, kept=None)


def _times(x: Tensor, weight: Tensor, bias: Tensor | None, *, turned: bool = False) -> Tensor:
    product = torch.matmul(weight, x) if turned else torch.matmul(x, weight)
    return product if bias is None else product + bias


_ZERO, _ONE = torch.zeros(()), torch.ones(())
# By the name of a call, and whether the value comes before the constant; of constant and alpha.
_ARITHMETIC: Mapping[tuple[str, bool], Callable[[Tensor, Tensor], ScaleAndShift]] = {
    ("add", True): lambda constant, alpha: (_ONE, alpha * constant),
    ("add", False): lambda constant, alpha: (alpha, constant),
    ("sub", True): lambda constant, alpha: (_ONE, -alpha * constant),
    ("sub", False): lambda constant, alpha: (-alpha, constant),
    ("rsub", True): lambda constant, alpha: (-alpha, constant),
    ("mul", True): lambda constant, alpha: (constant, _ZERO),
    ("mul", False): lambda constant, alpha: (constant, _ZERO),
    ("div", True): lambda constant, alpha: (1 / constant, _ZERO),
    ("neg", True): lambda constant, alpha: (-_ONE, _ZERO),
}

_OPERANDS_OF_CONVOLUTION = ("input", "weight", "bias")
_OPERANDS = {
    "addmm": ("mat1", "mat2"), "addmv": ("mat", "vec"), "baddbmm": ("batch1", "batch2"),
    "mm": ("self", "mat2"), "mv": ("self", "vec"), "bmm": ("self", "mat2"),
}  # fmt: skip

_LAYERS: Mapping[str, Callable[[RecordedCall, Mapping[str, Any]], Affine | None]] = {
    "convolution": _convolution,
    "_convolution": _convolution,  # as traced networks call it
    "linear": _linear,
    **dict.fromkeys(("addmm", "addmv", "baddbmm"), _added_product),
    **dict.fromkeys(("mm", "mv", "bmm"), _product),
}
