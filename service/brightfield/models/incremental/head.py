"""The end of a model, which looks at complete maps: run in full, for any number of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from brightfield.models.incremental.recording import RecordedCall, RecordedValue
from brightfield.models.incremental.translation import bound

# Operations that are told the size of their result, the number of rows included.
_SIZED = frozenset(["_unsafe_view", "expand", "reshape", "view"])


@dataclass(frozen=True, slots=True)
class ChannelMean:
    """The mean of each channel of the maps `source`, as the value `output`."""

    source: int
    output: int
    keeps_axes: bool


@dataclass(frozen=True, slots=True)
class NetworkHead:
    """`calls` on the values `frontier` of the steps, and the tree of values they give."""

    calls: tuple[RecordedCall, ...]
    output: Any
    frontier: tuple[int, ...]

    @property
    def means(self) -> tuple[ChannelMean, ...]:
        """The means over complete maps of the frontier: sums can correct them."""
        found = (_mean(call) for call in self.calls if set(call.inputs) <= set(self.frontier))
        return tuple(mean for mean in found if mean is not None)

    @property
    def pasted(self) -> tuple[int, ...]:
        """The values of the frontier that something else than a mean reads."""
        means = {mean.output for mean in self.means}
        wanted = {n for call in self.calls if call.outputs[0] not in means for n in call.inputs}
        leaves = pytree.tree_leaves(self.output)
        wanted |= {leaf.number for leaf in leaves if isinstance(leaf, RecordedValue)}
        return tuple(number for number in self.frontier if number in wanted)

    def run(self, values: Mapping[int, Tensor], rows: int) -> Any:
        """The output for `rows` rows; `values` has the frontier, or what it has become."""
        known = dict(values)
        last = {number: call for call in self.calls for number in call.inputs}
        kept = {
            leaf.number
            for leaf in pytree.tree_leaves(self.output)
            if isinstance(leaf, RecordedValue)
        }
        for call in self.calls:
            if call.outputs[0] not in known:
                run_call(call, known, rows)
            for number in set(call.inputs) - kept:
                if last[number] is call:
                    known.pop(number, None)
        return pytree.tree_map(lambda leaf: _known(leaf, known), self.output)

    def multiply_adds(self, shapes: Mapping[int, tuple[int, ...]]) -> int:
        """Multiplications with additions for one row: of convolutions and matrix products."""
        sizes: dict[int, tuple[int, ...]] = {n: (1, *shapes[n]) for n in self.frontier}
        total = 0
        for call in self.calls:
            made = call.shapes[0]
            operands = [_size(leaf, sizes) for leaf in call.arguments]
            if made is not None:
                total += _multiply_adds(call.name.partition(".")[2], operands, made)
            sizes |= {n: s for n, s in call.results if s is not None}
        return total


def _known(leaf: Any, known: Mapping[int, Tensor]) -> Any:
    return known[leaf.number] if isinstance(leaf, RecordedValue) else leaf


def run_call(call: RecordedCall, known: dict[int, Tensor], rows: int) -> None:
    """Add to the known values what a call makes of them for so many rows."""
    arguments, keywords = pytree.tree_map(
        lambda leaf: _known(leaf, known), (call.arguments, dict(call.keywords))
    )
    if call.name.partition(".")[2] in _SIZED:
        size = list(arguments[1])
        if size and size[0] == 1:
            size[0] = rows
        arguments = (arguments[0], size, *arguments[2:])
    outcome = _function(call)(*arguments, **keywords)
    results = outcome if isinstance(outcome, tuple | list) else (outcome,)
    pairs = zip(call.outputs, results, strict=True)
    known.update((number, result) for number, result in pairs if number is not None)


def _function(call: RecordedCall) -> Any:
    """What to call for any number of rows, in any memory format."""
    if call.name in ("aten.view", "aten._unsafe_view"):
        return torch.reshape  # maps that lie channels last have other strides than the recorded
    if call.name == "aten.as_strided" and _is_vector(call):
        return lambda tensor, *_: tensor  # pooling to one place only writes its strides anew
    return call.function


def _is_vector(call: RecordedCall) -> bool:
    """Whether the recorded row has values along one axis only, as what it was made of."""
    shape = call.shapes[0]
    return shape is not None and max(shape) == prod(shape) and list(shape) == call.arguments[1]


def _mean(call: RecordedCall) -> ChannelMean | None:
    if call.name == "aten._adaptive_avg_pool2d" and list(bound(call)["output_size"]) == [1, 1]:
        return ChannelMean(call.inputs[0], _first(call), True)
    if call.name != "aten.mean":
        return None
    given = bound(call)
    axes = {axis % 4 for axis in given.get("dim") or ()}
    if axes != {2, 3} or given.get("dtype") is not None:
        return None
    return ChannelMean(call.inputs[0], _first(call), bool(given["keepdim"]))


def _first(call: RecordedCall) -> int:
    assert call.outputs[0] is not None
    return call.outputs[0]


def _size(leaf: Any, sizes: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    if isinstance(leaf, RecordedValue):
        return sizes[leaf.number]
    return tuple(leaf.shape) if isinstance(leaf, Tensor) else ()


def _multiply_adds(name: str, operands: list[tuple[int, ...]], made: tuple[int, ...]) -> int:
    if name == "convolution":
        weight = operands[1]
        return prod(made) * prod(weight[1:])
    if name in ("mm", "bmm", "addmm", "baddbmm"):
        left = operands[1 if name.startswith(("add", "badd")) else 0]
        return prod(made) * left[-1]
    if "scaled_dot_product" in name:
        query, key = operands[0], operands[1]
        return 2 * prod(query) * key[-2]
    return 0
