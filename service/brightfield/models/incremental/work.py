"""What the passes cost, counted: multiply-adds, bytes moved, calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from torch import Tensor

from brightfield.models.incremental.graph import Graph, LocalStep
from brightfield.models.incremental.operations import (
    Convolution,
    Local,
    Pointwise,
    Relabel,
    Sliding,
)

CropSizes = Mapping[int, int]
"""By value: the length of its crops along one axis."""


@dataclass(frozen=True, slots=True)
class CostRates:
    """Seconds of one multiply-add, of one byte moved, of one call into the library.

    The defaults have the proportions of a CPU core; a measurement sets the scale.
    """

    multiply_add: float = 2e-11
    byte: float = 1e-10
    call: float = 5e-6


RATES = CostRates()


@dataclass(frozen=True, slots=True)
class OperationCount:
    """Multiplications with additions, bytes read and written, and calls into the library."""

    multiply_adds: int = 0
    moved: int = 0
    calls: int = 0

    def __add__(self, other: OperationCount) -> OperationCount:
        return OperationCount(
            self.multiply_adds + other.multiply_adds,
            self.moved + other.moved,
            self.calls + other.calls,
        )

    def __mul__(self, times: int) -> OperationCount:
        return OperationCount(self.multiply_adds * times, self.moved * times, self.calls * times)

    def seconds(self, rates: CostRates = RATES) -> float:
        return (
            self.multiply_adds * rates.multiply_add
            + self.moved * rates.byte
            + self.calls * rates.call
        )


def whole_work(graph: Graph, item: int) -> OperationCount:
    """A complete pass of one row; a number has `item` bytes."""
    total = OperationCount(graph.head.multiply_adds(graph.shapes)) + fixed_work(graph, item)
    for step in graph.steps:
        total += _whole_step(graph, step, item)
    return total


def fixed_work(graph: Graph, item: int) -> OperationCount:
    """What a batch costs however many rows it has: the weights, and the head's calls.

    A convolution's weights are read, written in the order that the hardware likes, and read.
    """
    weights = sum(3 * _weights(step.operation) for step in graph.steps)
    for call in graph.head.calls:
        weights += sum(leaf.numel() for leaf in call.arguments if isinstance(leaf, Tensor))
    return OperationCount(0, weights * item, len(graph.head.calls))


def bucket_work(
    graph: Graph, down: CropSizes, across: CropSizes, item: int
) -> tuple[OperationCount, OperationCount]:
    """Crops of these sizes: what each position costs, and what each chunk costs besides.

    Counted as if all positions of a chunk were evenly spaced.
    """
    each = OperationCount(graph.head.multiply_adds(graph.shapes))
    chunk = fixed_work(graph, item)
    for step in graph.steps:
        if isinstance(step.operation, Relabel):
            continue
        copied, calls = _reads(graph, step, down, across)
        made = (down[step.output], across[step.output])
        adds = step.operation.multiply_adds(graph.shapes[step.inputs[0]], prod(made))
        output = graph.shapes[step.output][0] * prod(made)
        each += OperationCount(adds, (copied + 2 * output) * item)
        chunk += OperationCount(0, 0, calls + 1)
    return each, chunk


def _reads(graph: Graph, step: LocalStep, down: CropSizes, across: CropSizes) -> tuple[int, int]:
    """Values that one position's copying moves before the step can run, and its calls."""
    operation = step.operation
    moved = calls = 0
    for number in step.inputs:
        channels, *lengths = graph.shapes[number]
        have = [down[number], across[number]]
        read = [down[step.output], across[step.output]]
        if isinstance(operation, Sliding):
            slides = (operation.down, operation.across)
            read = [slide.reads(size) for slide, size in zip(slides, read, strict=True)]
            made = [down[step.output], across[step.output]]
            if have == lengths and made == [*graph.shapes[step.output][1:]]:
                continue
        if read != have and not isinstance(operation, Pointwise):
            moved += 2 * channels * prod(read)
            calls += 5
    return moved, calls


def _whole_step(graph: Graph, step: LocalStep, item: int) -> OperationCount:
    _, height, width = graph.shapes[step.output]
    adds = step.operation.multiply_adds(graph.shapes[step.inputs[0]], height * width)
    free = isinstance(step.operation, Relabel)
    return OperationCount(
        adds, 0 if free else 2 * prod(graph.shapes[step.output]) * item, int(not free)
    )


def _weights(operation: Local) -> int:
    return operation.weight.numel() if isinstance(operation, Convolution) else 0
