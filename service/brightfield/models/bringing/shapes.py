"""Names and shapes of a network that is not built in full, and the arguments that they tell of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

TensorShapes = Mapping[str, tuple[int, ...]]
NetworkOf = Callable[[Mapping[str, Any]], nn.Module]
"""A network from the arguments of its architecture."""


def shapes_of(state: Mapping[str, Tensor]) -> TensorShapes:
    """The shape of every tensor but the counters of batches, which old files lack."""
    return {
        name: tuple(tensor.shape)
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }


def built(make: NetworkOf, arguments: Mapping[str, Any]) -> nn.Module:
    """The network without values, if it can be built so. Raises whatever its constructor does."""
    try:
        with torch.device("meta"):
            return make(arguments)
    except (NotImplementedError, RuntimeError):
        return make(arguments)


def told(
    own: TensorShapes, there: TensorShapes, classes: int, names: tuple[str | None, str | None]
) -> dict[str, Any] | None:
    """The arguments with which a network of `classes` and its usual channels would have the shapes
    that are `there`; None if no number of classes and of input channels explains them.

    The head has as many rows for each class, the first layer as many columns for each channel.
    `names` are those of the two arguments.
    """
    found: list[set[int]] = [set(), set()]
    for name, shape in own.items():
        if shape == there[name]:
            continue
        if len(shape) != len(there[name]):
            return None
        pairs = enumerate(zip(shape, there[name], strict=True))
        axes = [axis for axis, (one, other) in pairs if one != other]
        if len(axes) != 1 or axes[0] > 1:
            return None
        (axis,) = axes
        usual = classes if axis == 0 else shape[1]
        number, left = divmod(there[name][axis] * usual, shape[axis])
        if left:
            return None
        found[axis].add(number)
    if any(len(numbers) > 1 for numbers in found):
        return None
    arguments = {
        name: number for name, numbers in zip(names, found, strict=True) for number in numbers
    }
    return None if None in arguments else arguments  # type: ignore[return-value]


def shared(own: TensorShapes, there: TensorShapes) -> float:
    """The part of a network's numbers that are there under the same names and shapes."""
    same = sum(prod(shape) for name, shape in own.items() if there.get(name) == shape)
    return same / max(sum(prod(shape) for shape in own.values()), 1)
