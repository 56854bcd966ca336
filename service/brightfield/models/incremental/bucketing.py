"""The windows of a grid in buckets of like crops: the cheapest way of those that are tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod

import numpy as np

from brightfield.models.incremental.axis import Intervals, bucket_sizes
from brightfield.models.incremental.graph import Graph, LocalStep
from brightfield.models.incremental.grouping import grouped
from brightfield.models.incremental.operations import Relabel, Sliding
from brightfield.models.incremental.recording import INPUT
from brightfield.models.incremental.work import (
    RATES,
    CropSizes,
    OperationCount,
    bucket_work,
    fixed_work,
)
from brightfield.tensors import Indices

# From which part of a map on a crop may be taken as all of it.
_WHOLE_FROM = (0.75, 0.85, 0.95, 1.0)
_MOST_POSITIONS = 64
# Positions that share a chunk, roughly, for what a further bucket costs.
_USUAL_COLUMNS = 8

Axes = tuple[Intervals, Intervals]
"""What the patches can have changed: of every row, and of every column."""


@dataclass(frozen=True, slots=True, eq=False)
class Bucket:
    """Every row of `rows` with every column of `columns`, with crops of one size per value.

    `each` is what a position costs, `chunk` what each chunk of at most `positions` costs besides.
    """

    rows: Indices
    columns: Indices
    down: CropSizes
    across: CropSizes
    positions: int
    each: OperationCount
    chunk: OperationCount

    def parts(self) -> Iterator[tuple[Indices, Indices]]:
        """Its chunks: as many columns as fit, and then rows."""
        for columns in split(self.columns, self.positions):
            yield from ((rows, columns) for rows in split(self.rows, self._rows(len(columns))))

    @property
    def seconds(self) -> float:
        """By the usual rates."""
        columns = split(self.columns, self.positions)
        chunks = sum(ceil(len(self.rows) / self._rows(len(part))) for part in columns)
        positions = len(self.rows) * len(self.columns)
        return (self.each * positions + self.chunk * chunks).seconds()

    def _rows(self, columns: int) -> int:
        return max(1, self.positions // columns)


def cheapest_buckets(graph: Graph, axes: Axes, item: int, most_bytes: int) -> list[Bucket]:
    """The buckets, with the part of a map that counts as all of it chosen to cost the least."""
    tried = [_buckets(graph, axes, most, item, most_bytes) for most in _WHOLE_FROM]
    return min(tried, key=lambda buckets: sum(bucket.seconds for bucket in buckets))


def chosen(intervals: Intervals, members: Indices) -> Intervals:
    """The intervals of some positions."""
    return {number: (low[members], high[members]) for number, (low, high) in intervals.items()}


def split(group: Indices, most: int) -> Sequence[Indices]:
    """The group in parts of nearly equal length, at most `most`."""
    return np.array_split(group, ceil(len(group) / most))


def _buckets(graph: Graph, axes: Axes, most: float, item: int, most_bytes: int) -> list[Bucket]:
    sides = [
        [
            (members, bucket_sizes(graph, axis, chosen(axes[axis], members), most))
            for members in _groups(graph, axis, axes, most, item)
        ]
        for axis in (0, 1)
    ]
    buckets: list[Bucket] = []
    for (rows, down), (columns, across) in product(*sides):
        widest = widest_crop(graph, down, across) * item
        positions = min(max(most_bytes // widest, 1), _MOST_POSITIONS)
        work = bucket_work(graph, down, across, item)
        buckets.append(Bucket(rows, columns, down, across, positions, *work))
    return buckets


def _groups(graph: Graph, axis: int, axes: Axes, most: float, item: int) -> list[Indices]:
    """The positions of an axis in groups, by what a place of each layer costs."""
    others = len(axes[1 - axis][INPUT][0])
    sizes, costs = [], []
    for step in graph.steps:
        if isinstance(step.operation, Relabel):
            continue
        length, size = graph.shapes[step.output][axis + 1], _lengths(axes[axis], step.output)
        sizes.append(np.where(size >= most * length, length, size))
        costs.append(_lengths(axes[1 - axis], step.output).mean() * _place(graph, step, item))
    overhead = fixed_work(graph, item).seconds() + 8 * len(costs) * RATES.call
    return grouped(
        np.stack(sizes, axis=1),
        _lengths(axes[axis], INPUT),
        np.asarray(costs) * others,
        overhead * ceil(others / _USUAL_COLUMNS),
    )


def _lengths(intervals: Intervals, number: int) -> Indices:
    low, high = intervals[number]
    return high - low


def _place(graph: Graph, step: LocalStep, item: int) -> float:
    """Seconds that one place of a step's output takes."""
    channels = sum(graph.shapes[number][0] for number in (*step.inputs, step.output))
    adds = step.operation.multiply_adds(graph.shapes[step.inputs[0]], 1)
    return OperationCount(adds, 2 * channels * item).seconds()


def widest_crop(graph: Graph, down: CropSizes, across: CropSizes) -> int:
    """Values of the largest crop of one position, as it is made or as a step reads it."""
    largest = 1
    for step in graph.steps:
        size = [down[step.output], across[step.output]]
        largest = max(largest, graph.shapes[step.output][0] * prod(size))
        if isinstance(step.operation, Sliding):
            slides = (step.operation.down, step.operation.across)
            size = [slide.reads(length) for slide, length in zip(slides, size, strict=True)]
        largest = max(largest, *(graph.shapes[number][0] * prod(size) for number in step.inputs))
    return largest
