"""A grid of windows over a traced model, cut into chunks that are computed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brightfield.errors import InvalidParameter
from brightfield.models.incremental.axis import AxisLayout, Intervals, changed, lay_out
from brightfield.models.incremental.base import Base, CanvasKey, Frame, as_input, evaluate
from brightfield.models.incremental.graph import Graph, Step
from brightfield.models.incremental.grouping import grouped, split
from brightfield.models.incremental.operations import Relabel, Sliding
from brightfield.models.incremental.passes import Pass, outside, patches
from brightfield.models.incremental.recording import INPUT
from brightfield.models.incremental.slide import Indices
from brightfield.models.incremental.work import Rates, Work, chunk_work, whole_work
from brightfield.tensors import Images

Spans = Sequence[tuple[int, int]]
"""[start, stop) of windows along one axis, in pixels of the model's input."""

# From which part of a map on a crop may be taken as all of it; the cheapest is chosen.
_WHOLE_FROM = (0.75, 0.85, 0.95, 1.0)
# Bytes that the largest crops of a chunk may take together; more positions at once gain little.
MOST_BYTES = 8 * 2**20
_MOST_POSITIONS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Windows that are computed together: every row of `rows` with every column of `columns`.

    Both are indices into the schedule's spans.
    """

    rows: Indices
    columns: Indices
    work: Work
    graph: Graph
    down: AxisLayout
    across: AxisLayout

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    @property
    def kind(self) -> tuple[int, ...]:
        """Equal for chunks whose crops are of equal sizes."""
        return (len(self.rows), len(self.columns)) + tuple(
            placed.size for axis in (self.down, self.across) for placed in axis.placements.values()
        )

    def run(self, base: Base, fill: Images) -> Any:
        """The model's output for the chunk's windows, row-major: a tree of (B, ...) tensors.

        `fill` (1, C, H, W) has under every window what hides it; `base` is this schedule's, of
        the image. Calls no autograd, and touches neither the module nor the base.
        """
        with torch.inference_mode():
            hidden = patches(as_input(fill), self.down, self.across)
            return Pass(self.graph, self.down, self.across, base).run(hidden)


@dataclass(frozen=True, eq=False)
class Schedule:
    """The chunks of a grid and what they need of the unoccluded image."""

    graph: Graph
    rows: Spans
    cols: Spans
    chunks: tuple[Chunk, ...]
    item: int

    def base(self, image: Images) -> Base:
        """The model's output for `image` (1, C, H, W), with the activations that chunks read."""
        with torch.inference_mode():
            return evaluate(self.graph, as_input(image), self._frames, self._summed)

    @property
    def work(self) -> Work:
        """Everything that the map costs, the base pass included."""
        return sum((chunk.work for chunk in self.chunks), whole_work(self.graph, self.item))

    @property
    def plain_work(self) -> Work:
        """What the map costs with a complete pass for every window and for the whole image."""
        return whole_work(self.graph, self.item) * (len(self.rows) * len(self.cols) + 1)

    @cached_property
    def base_bytes(self) -> int:
        """Memory of a `Base`, known before it is made."""
        canvases = 0
        for (number, _), (left, right, top, bottom) in self._frames.items():
            channels, height, width = self.graph.shapes[number]
            canvases += channels * (height + top + bottom) * (width + left + right)
        tables = sum(_table(*self.graph.shapes[number]) for number in self._summed)
        return canvases * self.item + tables * 8

    @cached_property
    def chunk_bytes(self) -> int:
        """Memory that the largest chunk's crops take at most, two layers at a time."""
        return max(
            (3 * self.item * len(chunk) * _widest(self.graph, chunk.down, chunk.across)
             for chunk in self.chunks), default=0
        )  # fmt: skip

    @cached_property
    def _summed(self) -> frozenset[int]:
        sources = {mean.source for mean in self.graph.head.means}
        return frozenset(
            number for number in sources if any(not _whole(chunk, number) for chunk in self.chunks)
        )

    @cached_property
    def _frames(self) -> dict[CanvasKey, Frame]:
        """The canvases that some chunk reads, each with the widest frame that a step needs."""
        frames: dict[CanvasKey, Frame] = {}
        indifferent: set[int] = {
            number
            for number in self.graph.head.pasted
            if any(not _whole(chunk, number) for chunk in self.chunks)
        }
        for step, which in _edges(self.graph):
            if not any(_reads_base(chunk, step, which) for chunk in self.chunks):
                continue
            number, value = step.inputs[which], outside(step)
            if value is None or not isinstance(step.operation, Sliding):
                indifferent.add(number)
                continue
            across, down = step.operation.across, step.operation.down
            wanted = (across.before, across.after, down.before, down.after)
            given = frames.get((number, value), wanted)
            left, right, top, bottom = map(max, zip(wanted, given, strict=True))
            frames[number, value] = (left, right, top, bottom)
        for number in indifferent - {number for number, _ in frames}:
            frames[number, 0.0] = (0, 0, 0, 0)
        return frames


def make_schedule(graph: Graph, rows: Spans, cols: Spans, item: int, most_bytes: int) -> Schedule:
    """The windows in buckets, and those in chunks; `item` is the size of one number in bytes.

    Raises `InvalidParameter` for a window that is empty or not inside the input.
    """
    _, height, width = graph.shapes[INPUT]
    for spans, length in ((rows, height), (cols, width)):
        if any(not 0 <= low < high <= length for low, high in spans):
            raise InvalidParameter(
                f"Windows must lie inside the model's input of {height} x {width} pixels and "
                "hold at least one; move them."
            )
    down, across = changed(graph, 0, rows), changed(graph, 1, cols)
    candidates = [_chunks(graph, down, across, most, item, most_bytes) for most in _WHOLE_FROM]
    chunks = min(candidates, key=_seconds)
    return Schedule(graph, tuple(rows), tuple(cols), chunks, item)


def _seconds(chunks: tuple[Chunk, ...]) -> float:
    return sum(chunk.work.seconds(Rates()) for chunk in chunks)


def _chunks(
    graph: Graph, down: Intervals, across: Intervals, most: float, item: int, most_bytes: int
) -> tuple[Chunk, ...]:
    """Every bucket of rows with every bucket of columns, cut to what fits."""
    axes = (down, across)
    groups = [_groups(graph, axis, axes, most, item) for axis in (0, 1)]
    layouts: dict[tuple[int, bytes], AxisLayout] = {}

    def layout(axis: int, members: Indices) -> AxisLayout:
        key = (axis, members.tobytes())
        if key not in layouts:
            layouts[key] = lay_out(graph, axis, _of(axes[axis], members), most)
        return layouts[key]

    chunks: list[Chunk] = []
    for tall, broad in product(*groups):
        widest = _widest(graph, layout(0, tall), layout(1, broad)) * item
        positions = int(np.clip(most_bytes // max(widest, 1), 1, _MOST_POSITIONS))
        for columns in split(broad, positions):
            for members in split(tall, max(1, positions // len(columns))):
                # The bucket's sizes hold for all its chunks, so each is like the others.
                parts = layout(0, members), layout(1, columns)
                work = chunk_work(graph, *parts, item)
                chunks.append(Chunk(members, columns, work, graph, *parts))
    return tuple(chunks)


def _groups(
    graph: Graph, axis: int, axes: tuple[Intervals, Intervals], most: float, item: int
) -> list[Indices]:
    """The positions of an axis in buckets, by what a pixel of each layer costs."""
    rates = Rates()
    others = len(axes[1 - axis][INPUT][0])
    sizes, costs = [], []
    for step in graph.steps:
        if isinstance(step.operation, Relabel):
            continue
        length = graph.shapes[step.output][axis + 1]
        size = _sizes(axes[axis], step)
        sizes.append(np.where(size >= most * length, length, size))
        costs.append(_sizes(axes[1 - axis], step).mean() * _pixel(graph, step, item, rates))
    patches_ = axes[axis][INPUT][1] - axes[axis][INPUT][0]
    chunks_across = -(-others // 8)
    overhead = 8 * len(costs) * rates.call * chunks_across
    cost: NDArray[np.float64] = np.asarray(costs) * others
    return grouped(np.stack(sizes, axis=1), patches_, cost, overhead)


def _sizes(intervals: Intervals, step: Step) -> Indices:
    low, high = intervals[step.output]
    return high - low


def _pixel(graph: Graph, step: Step, item: int, rates: Rates) -> float:
    """Seconds that one place of a step's output takes."""
    channels = sum(graph.shapes[number][0] for number in (*step.inputs, step.output))
    adds = step.operation.multiply_adds(graph.shapes[step.inputs[0]], 1)
    return adds * rates.multiply_add + 2 * channels * item * rates.byte


def _of(intervals: Intervals, members: Indices) -> Intervals:
    return {number: (low[members], high[members]) for number, (low, high) in intervals.items()}


def _widest(graph: Graph, down: AxisLayout, across: AxisLayout) -> int:
    """Values of the largest crop of one position, as it is or as a step reads it."""
    largest = 0
    for step, which in _edges(graph):
        made = down.placements[step.output].size * across.placements[step.output].size
        y, x = down.readings[step.output, which], across.readings[step.output, which]
        read = graph.shapes[step.inputs[which]][0] * y.length * x.length
        largest = max(largest, graph.shapes[step.output][0] * made, read)
    return largest


def _edges(graph: Graph) -> list[tuple[Step, int]]:
    return [(step, which) for step in graph.steps for which in range(len(step.inputs))]


def _whole(chunk: Chunk, number: int) -> bool:
    return chunk.down.placements[number].whole and chunk.across.placements[number].whole


def _reads_base(chunk: Chunk, step: Step, which: int) -> bool:
    if isinstance(step.operation, Relabel):
        return False
    sliding = isinstance(step.operation, Sliding)
    if sliding and _whole(chunk, step.inputs[which]) and _whole(chunk, step.output):
        return False
    key = (step.output, which)
    return not (chunk.down.readings[key].covered and chunk.across.readings[key].covered)


def _table(channels: int, height: int, width: int) -> int:
    return channels * (height + 1) * (width + 1)


def tensor_bytes(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
