"""A grid of windows over a traced model, cut into chunks that are computed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from brightfield.errors import InvalidParameter
from brightfield.models.incremental.axis import AxisLayout, changed, lay_out
from brightfield.models.incremental.base import Base, Borders, CanvasKey, as_input, evaluate
from brightfield.models.incremental.bucketing import cheapest_buckets, chosen
from brightfield.models.incremental.graph import Graph, LocalStep
from brightfield.models.incremental.operations import CropForCrop, Sliding
from brightfield.models.incremental.passes import Pass, outside, patches
from brightfield.models.incremental.recording import INPUT
from brightfield.models.incremental.work import CropSizes, OperationCount, whole_work
from brightfield.tensors import Images, Indices

Spans = Sequence[tuple[int, int]]
"""[start, stop) of windows along one axis, in pixels of the model's input."""

# Bytes that the largest crops of a chunk may take together; more positions at once gain little.
MOST_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class WindowChunk:
    """Windows that are computed together: every row of `rows` with every column of `columns`.

    Both are indices into the schedule's spans.
    """

    rows: Indices
    columns: Indices
    work: OperationCount
    graph: Graph
    down: AxisLayout
    across: AxisLayout

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    @property
    def kind(self) -> tuple[int, ...]:
        """Equal for chunks whose crops are of equal sizes."""
        sizes = (*self.down.sizes.values(), *self.across.sizes.values())
        return (len(self.rows), len(self.columns), *sizes)

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
    chunks: tuple[WindowChunk, ...]
    item: int

    def base(self, image: Images) -> Base:
        """The model's output for `image` (1, C, H, W), with the activations that chunks read."""
        with torch.inference_mode():
            return evaluate(self.graph, as_input(image), self._frames, self._summed)

    @property
    def work(self) -> OperationCount:
        """Everything that the map costs, the base pass included."""
        return sum((chunk.work for chunk in self.chunks), whole_work(self.graph, self.item))

    @property
    def plain_work(self) -> OperationCount:
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
    def _summed(self) -> frozenset[int]:
        sources = {mean.source for mean in self.graph.head.means}
        return frozenset(
            number for number in sources if any(not _whole(chunk, number) for chunk in self.chunks)
        )

    @cached_property
    def _frames(self) -> dict[CanvasKey, Borders]:
        """The canvases that some chunk reads, each with the widest frame that a step needs."""
        frames: dict[CanvasKey, Borders] = {}
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
        if not spans or any(not 0 <= low < high <= length for low, high in spans):
            raise InvalidParameter(
                f"Windows must lie inside the model's input of {height} x {width} pixels and "
                "hold at least one of them; move or enlarge them."
            )
    axes = changed(graph, 0, rows), changed(graph, 1, cols)
    layouts: dict[tuple[int, int, bytes], AxisLayout] = {}

    def layout(axis: int, members: Indices, sizes: CropSizes) -> AxisLayout:
        key = (axis, id(sizes), members.tobytes())
        if key not in layouts:
            layouts[key] = lay_out(graph, axis, chosen(axes[axis], members), sizes)
        return layouts[key]

    chunks: list[WindowChunk] = []
    buckets = cheapest_buckets(graph, axes, item, most_bytes)
    for bucket in buckets:
        for members, columns in bucket.parts():
            work = bucket.each * (len(members) * len(columns)) + bucket.chunk
            down, across = layout(0, members, bucket.down), layout(1, columns, bucket.across)
            chunks.append(WindowChunk(members, columns, work, graph, down, across))
    return Schedule(graph, tuple(rows), tuple(cols), tuple(chunks), item)


def _edges(graph: Graph) -> list[tuple[LocalStep, int]]:
    return [(step, which) for step in graph.steps for which in range(len(step.inputs))]


def _whole(chunk: WindowChunk, number: int) -> bool:
    return chunk.down.placements[number].whole and chunk.across.placements[number].whole


def _reads_base(chunk: WindowChunk, step: LocalStep, which: int) -> bool:
    if isinstance(step.operation, CropForCrop):
        return False
    sliding = isinstance(step.operation, Sliding)
    if sliding and _whole(chunk, step.inputs[which]) and _whole(chunk, step.output):
        return False
    key = (step.output, which)
    return not (chunk.down.readings[key].covered and chunk.across.readings[key].covered)


def _table(channels: int, height: int, width: int) -> int:
    return channels * (height + 1) * (width + 1)
