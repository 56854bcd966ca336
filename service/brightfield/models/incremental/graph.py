"""A recorded model as steps that can run on crops, and a head that needs complete maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from brightfield.models.incremental.head import NetworkHead
from brightfield.models.incremental.operations import Convolution, Local, MapShape, Relabel
from brightfield.models.incremental.recording import INPUT, RecordedCall, RecordedValue, Recording
from brightfield.models.incremental.translation import bound, scale_and_shift, translate


@dataclass(frozen=True, slots=True)
class LocalStep:
    """One local operation: from the values `inputs` to the value `output`."""

    output: int
    inputs: tuple[int, ...]
    operation: Local


@dataclass(frozen=True, slots=True)
class Graph:
    """`steps` in order, then `head`; `shapes` has (C, H, W) of the input and every step's output.

    `uses` says how often steps and head read a value.
    """

    steps: tuple[LocalStep, ...]
    head: NetworkHead
    shapes: Mapping[int, MapShape]
    uses: Mapping[int, int]

    def multiply_adds(self) -> int:
        """Multiplications with additions that the steps do for one complete row."""
        return sum(
            step.operation.multiply_adds(
                self.shapes[step.inputs[0]],
                self.shapes[step.output][1] * self.shapes[step.output][2],
            )
            for step in self.steps
        )


def build(recording: Recording, shape: MapShape) -> Graph:
    """The graph of a recording on one row of `shape`; what the output does not need is left out.

    Batch normalisation behind a convolution goes into a private copy of its weights.
    """
    builder = _Builder(recording, shape)
    for call in needed(recording.calls, recording.output):
        builder.add(call)
    return builder.graph(recording.output)


def needed(calls: Sequence[RecordedCall], output: Any) -> list[RecordedCall]:
    """The calls that the output depends on, in order."""
    wanted = _values(output)
    kept: list[RecordedCall] = []
    for call in reversed(calls):
        if wanted.intersection(number for number in call.outputs if number is not None):
            kept.append(call)
            wanted.update(call.inputs)
    return kept[::-1]


def _values(tree: Any) -> set[int]:
    return {leaf.number for leaf in pytree.tree_leaves(tree) if isinstance(leaf, RecordedValue)}


class _Builder:
    def __init__(self, recording: Recording, shape: MapShape) -> None:
        self._shapes: dict[int, MapShape] = {INPUT: shape}
        self._dtypes: dict[int, torch.dtype | None] = {INPUT: recording.dtype}
        for call in recording.calls:
            numbered = zip(call.outputs, call.dtypes, strict=True)
            self._dtypes.update((number, dtype) for number, dtype in numbered if number is not None)
        self._steps: dict[int, LocalStep] = {}
        self._head: list[RecordedCall] = []
        self._channels: dict[int, tuple[int, int]] = {}
        calls = needed(recording.calls, recording.output)
        self._read = Counter(number for call in calls for number in call.inputs)
        self._read.update(_values(recording.output))

    def add(self, call: RecordedCall) -> None:
        if self._fold(call) or self._split_off(call):
            return
        operation = self._local(call)
        if operation is None:
            self._head.append(call)
        else:
            self._step(call, call.inputs, operation)

    def graph(self, output: Any) -> Graph:
        calls = needed(self._head, output)
        wanted = {number for call in calls for number in call.inputs} | _values(output)
        frontier = tuple(sorted(wanted & self._shapes.keys()))
        steps = tuple(self._steps.values())
        uses = Counter(number for step in steps for number in step.inputs)
        uses.update(frontier)
        return Graph(steps, NetworkHead(tuple(calls), output, frontier), self._shapes, uses)

    def _step(self, call: RecordedCall, inputs: tuple[int, ...], operation: Local) -> None:
        number, shape = call.outputs[0], call.shapes[0]
        assert number is not None
        assert shape is not None
        self._steps[number] = LocalStep(number, inputs, operation)
        self._shapes[number] = (shape[1], shape[2], shape[3])

    def _local(self, call: RecordedCall) -> Local | None:
        shape = call.shapes[0]
        maps = shape is not None and len(shape) == 4 and shape[0] == 1
        if not maps or not self._shapes.keys() >= set(call.inputs):
            return None
        if any(self._read[number] for number in call.outputs[1:] if number is not None):
            return None
        found = translate(call, self._shapes)
        if found is None:
            return None
        assert shape is not None
        read = [self._shapes[number] for number in call.inputs]
        dtypes = {call.dtypes[0], *(self._dtypes[number] for number in call.inputs)}
        made = (shape[1], shape[2], shape[3])
        return found.agreed(read, made, one_dtype=len(dtypes) == 1)

    def _fold(self, call: RecordedCall) -> bool:
        """Put a batch normalisation into the convolution before it, where that has no other use."""
        before = self._steps.get(call.inputs[0])
        folds = (
            before is not None
            and isinstance(before.operation, Convolution)
            and self._read[before.output] == 1
            and "batch_norm" in call.name
        )
        found = scale_and_shift(call) if folds else None
        if before is None or found is None:
            return False
        del self._steps[before.output], self._shapes[before.output]
        assert isinstance(before.operation, Convolution)
        self._step(call, before.inputs, _folded(before.operation, *found))
        return True

    def _split_off(self, call: RecordedCall) -> bool:
        """`x[:, i]` followed by `unsqueeze(1)`: the maps of one channel."""
        name = call.name
        if name == "aten.select" and call.inputs[0] in self._shapes:
            given = bound(call)
            if given["dim"] in (1, -3) and call.outputs[0] is not None:
                channels = self._shapes[call.inputs[0]][0]
                self._channels[call.outputs[0]] = (call.inputs[0], given["index"] % channels)
            return False
        if name != "aten.unsqueeze" or call.inputs[0] not in self._channels:
            return False
        if bound(call)["dim"] not in (1, -3):
            return False
        source, channel = self._channels[call.inputs[0]]
        self._step(call, (source,), Relabel(slice(channel, channel + 1)))
        return True


def _folded(convolution: Convolution, scale: Tensor, shift: Tensor) -> Convolution:
    """The convolution whose output is that of `convolution`, scaled and shifted by channel."""
    wide = convolution.weight.double() * scale.double()[:, None, None, None]
    bias = shift.double()
    if convolution.bias is not None:
        bias = bias + convolution.bias.double() * scale.double()
    dtype = convolution.weight.dtype
    weight = wide.to(dtype).contiguous(memory_format=torch.channels_last)
    return replace(convolution, weight=weight, bias=bias.to(dtype))
