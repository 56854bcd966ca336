"""How much a chunk of positions costs, counted: multiply-adds, bytes moved, calls."""

from __future__ import annotations

from dataclasses import dataclass

from brightfield.models.incremental.axis import AxisLayout
from brightfield.models.incremental.graph import Graph, Step
from brightfield.models.incremental.operations import Relabel, Sliding
from brightfield.models.incremental.recording import INPUT


@dataclass(frozen=True, slots=True)
class Work:
    """Multiplications with additions, bytes read and written, and calls into the library."""

    multiply_adds: int = 0
    moved: int = 0
    calls: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.multiply_adds + other.multiply_adds,
            self.moved + other.moved,
            self.calls + other.calls,
        )

    def __mul__(self, times: int) -> Work:
        return Work(self.multiply_adds * times, self.moved * times, self.calls * times)

    def seconds(self, rates: Rates) -> float:
        return (
            self.multiply_adds * rates.multiply_add
            + self.moved * rates.byte
            + self.calls * rates.call
        )


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds of one multiply-add, one byte moved, one call.

    The defaults have the proportions of a CPU core; only proportions matter where a measurement
    sets the scale.
    """

    multiply_add: float = 2e-11
    byte: float = 1e-10
    call: float = 5e-6


def whole_work(graph: Graph, item: int) -> Work:
    """A complete row: what each step computes, reads and writes."""
    total = Work(graph.multiply_adds() + graph.head.multiply_adds(graph.shapes))
    for step in graph.steps:
        moved = sum(_volume(graph, n) for n in (*step.inputs, step.output))
        if not isinstance(step.operation, Relabel):
            total += Work(0, moved * item, 1)
    return total


def chunk_work(graph: Graph, down: AxisLayout, across: AxisLayout, item: int) -> Work:
    """A chunk: `item` is the size of one number in bytes."""
    rows, columns = (len(axis.placements[INPUT].starts) for axis in (down, across))
    positions = rows * columns
    total = Work(graph.head.multiply_adds(graph.shapes) * positions, 0, len(graph.head.calls))
    for step in graph.steps:
        total += _step_work(graph, step, down, across, item * positions)
    return total


def _step_work(graph: Graph, step: Step, down: AxisLayout, across: AxisLayout, item: int) -> Work:
    if isinstance(step.operation, Relabel):
        return Work()
    height, width = (axis.placements[step.output].size for axis in (down, across))
    made = graph.shapes[step.output][0] * height * width
    moved, calls = made, 1
    sliding = isinstance(step.operation, Sliding)
    for which, number in enumerate(step.inputs):
        y, x = (axis.readings[step.output, which] for axis in (down, across))
        read = graph.shapes[number][0] * y.length * x.length
        moved += read
        complete = sliding and all(
            axis.placements[n].whole for axis in (down, across) for n in (number, step.output)
        )
        if not (complete or (y.direct and x.direct)):
            moved += 2 * read
            calls += 5 * len(y.runs) * len(x.runs)
    adds = step.operation.multiply_adds(graph.shapes[step.inputs[0]], height * width)
    positions = len(down.placements[INPUT].starts) * len(across.placements[INPUT].starts)
    return Work(adds * positions, moved * item, calls)


def _volume(graph: Graph, number: int) -> int:
    channels, height, width = graph.shapes[number]
    return channels * height * width
