"""Doing again what was recorded of a network, call by call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from brightfield.models.incremental.recording import RecordedCall, RecordedValue

TensorsByNumber = dict[int, Tensor]
"""Tensors by the numbers of recorded values."""


def filled(tree: Any, values: Mapping[int, Tensor]) -> Any:
    """The tree with tensors in place of recorded values."""
    return pytree.tree_map(
        lambda leaf: values[leaf.number] if isinstance(leaf, RecordedValue) else leaf, tree
    )


def done(call: RecordedCall, values: Mapping[int, Tensor]) -> TensorsByNumber:
    """What a call gives for these values; with gradients on, it is differentiable.

    Where it asks for another view of the memory, the values may be copied: a tensor that was made
    in another way need not lie in memory as the recorded one.
    """
    arguments, keywords = filled((call.arguments, dict(call.keywords)), values)
    function: Callable[..., Any] = call.function
    if call.name in ("aten.view", "aten._unsafe_view") and not keywords:
        shape = arguments[1]
        if not isinstance(shape, torch.dtype):
            function = torch.reshape
    outcome = function(*arguments, **keywords)
    results = outcome if isinstance(outcome, tuple | list) else (outcome,)
    pairs = zip(call.outputs, results, strict=True)
    return {number: result for number, result in pairs if number is not None}


def changed(
    calls: Iterable[RecordedCall], values: Mapping[int, Tensor], replaced: Mapping[int, Tensor]
) -> TensorsByNumber:
    """What the calls give if some values are replaced: the replaced ones and those that depend on
    them; the others are read from `values`."""
    new = dict(replaced)
    for call in calls:
        if new.keys() & call.inputs and not new.keys() & set(call.outputs):
            new.update(done(call, {**{number: values[number] for number in call.inputs}, **new}))
    return new
