"""Along one axis: where the crops of every layer lie for some positions of a patch.

A patch changes an interval of rows times an interval of columns at every layer, so both axes are
laid out alone, and any rows go with any columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brightfield.models.incremental.graph import Graph
from brightfield.models.incremental.operations import CropForCrop, Sliding
from brightfield.models.incremental.recording import INPUT
from brightfield.tensors import Indices

Intervals = Mapping[int, tuple[Indices, Indices]]
"""By value: the first and one past the last index that each position's patch can have changed."""


@dataclass(frozen=True, slots=True, eq=False)
class CropPlacement:
    """The crops of one value: `size` long from `starts`, of maps that are `length` long."""

    starts: Indices
    size: int
    length: int

    @property
    def whole(self) -> bool:
        return self.size == self.length


@dataclass(frozen=True, slots=True)
class CropRun:
    """Positions whose crops lie alike and evenly spaced in what is read from them.

    Their regions begin at `first`, `first + advance`, ... of the base map; the crop covers
    [low, high) of the region and its value number `skip` comes first.
    """

    where: slice
    count: int
    first: int
    advance: int
    low: int
    high: int
    skip: int


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """How one input is read: `length` values `step` apart, from `first` on for each position.

    `covered` says that the crops hold all that is read, so that the base is not needed; `direct`
    that they hold nothing else; `holds` that nothing of them is left out.
    """

    first: Indices
    length: int
    step: int
    runs: tuple[CropRun, ...]
    covered: bool
    direct: bool
    holds: bool


@dataclass(frozen=True, slots=True, eq=False)
class AxisLayout:
    """For some positions: each value's placement, and how each step reads each of its inputs."""

    placements: Mapping[int, CropPlacement]
    readings: Mapping[tuple[int, int], Reading]
    complete: Mapping[int, Reading]
    """How a value of the head's frontier is put into its complete map."""
    hidden: Reading
    """How the patches are read from an image of what hides."""

    @property
    def sizes(self) -> Mapping[int, int]:
        return {number: placed.size for number, placed in self.placements.items()}


def changed(graph: Graph, axis: int, spans: Sequence[tuple[int, int]]) -> Intervals:
    """What patches over `spans` can have changed in every value; `axis` is 0 down, 1 across."""
    edges = np.asarray(spans, np.int64).reshape(-1, 2)
    found = {INPUT: (edges[:, 0], edges[:, 1])}
    for step in graph.steps:
        lows = np.min([found[number][0] for number in step.inputs], axis=0)
        highs = np.max([found[number][1] for number in step.inputs], axis=0)
        if isinstance(step.operation, Sliding):
            slide = (step.operation.down, step.operation.across)[axis]
            lows, highs = slide.touched(lows, highs)
        elif isinstance(step.operation, CropForCrop):
            shift = step.operation.shift[axis]
            lows, highs = lows + shift, highs + shift
        found[step.output] = (lows, highs)
    return found


def bucket_sizes(graph: Graph, axis: int, intervals: Intervals, most: float) -> Mapping[int, int]:
    """The length of every value's crops, enough for all the positions of a bucket.

    From the part `most` of a map on it is taken whole, and then all that follows from it. What
    stays in place has the crop of its input, moved and no larger: this is the only place that says
    how large crops are.
    """
    sizes = {INPUT: _widest(intervals[INPUT])}
    for step in graph.steps:
        lengths = [graph.shapes[number][axis + 1] for number in (*step.inputs, step.output)]
        sources = [sizes[number] for number in step.inputs]
        length, size = lengths.pop(), _widest(intervals[step.output])
        if isinstance(step.operation, CropForCrop):
            size = sources[0]
        elif size >= most * length or any(map(int.__eq__, sources, lengths)):
            size = length
        sizes[step.output] = size
    return sizes


def _widest(interval: tuple[Indices, Indices]) -> int:
    return int((interval[1] - interval[0]).max())


def lay_out(graph: Graph, axis: int, intervals: Intervals, sizes: Mapping[int, int]) -> AxisLayout:
    """Crops of the bucket's `sizes` around what changed at some of its positions."""
    placements = {INPUT: _placed(graph, axis, INPUT, intervals, sizes)}
    cached = _Readings({})
    readings: dict[tuple[int, int], Reading] = {}
    for step in graph.steps:
        shift = 0
        if isinstance(step.operation, CropForCrop):
            shift = step.operation.shift[axis]
            source = placements[step.inputs[0]]
            length = graph.shapes[step.output][axis + 1]
            made = CropPlacement(source.starts + shift, source.size, length)
        else:
            made = _placed(graph, axis, step.output, intervals, sizes)
        placements[step.output] = made
        for which, number in enumerate(step.inputs):
            first, length, gap = made.starts - shift, made.size, 1
            if isinstance(step.operation, Sliding):
                slide = (step.operation.down, step.operation.across)[axis]
                first, length, gap = slide.first_read(first), slide.reads(length), slide.step
            readings[step.output, which] = cached.of(placements[number], first, length, gap)
    complete = {n: _complete(placements[n], cached) for n in graph.head.frontier}
    patch = placements[INPUT]
    hidden = cached.of(patch, patch.starts, patch.size, 1)
    return AxisLayout(placements, readings, complete, hidden)


def _placed(
    graph: Graph, axis: int, number: int, intervals: Intervals, sizes: Mapping[int, int]
) -> CropPlacement:
    length, size = graph.shapes[number][axis + 1], sizes[number]
    return CropPlacement(np.clip(intervals[number][0], 0, length - size), size, length)


def _complete(placed: CropPlacement, cached: _Readings) -> Reading:
    return cached.of(placed, np.zeros_like(placed.starts), placed.length, 1)


@dataclass(frozen=True, slots=True)
class _Readings:
    """Readings by what makes them; many layers are read alike."""

    known: dict[tuple[object, ...], Reading]

    def of(self, crops: CropPlacement, first: Indices, length: int, step: int) -> Reading:
        key = (crops.starts.tobytes(), crops.size, first.tobytes(), length, step)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = read_from(crops, first, length, step)
        return found


def read_from(crops: CropPlacement, first: Indices, length: int, step: int) -> Reading:
    """The reading of `length` values from `first` on, of maps that have `crops` laid over."""
    low = np.clip(-((first - crops.starts) // step), 0, length)
    high = np.clip((crops.starts + crops.size - 1 - first) // step + 1, low, length)
    skip = np.where(low < high, first + low * step - crops.starts, 0)
    alike: dict[tuple[int, int, int], list[int]] = {}
    for place, kind in enumerate(zip(low.tolist(), high.tolist(), skip.tolist(), strict=True)):
        alike.setdefault(kind, []).append(place)
    origins = first.tolist()
    runs = tuple(
        run for kind, members in alike.items() for run in _even_runs(members, origins, *kind)
    )
    covered = all(run.low == 0 and run.high == length for run in runs)
    holds = all(run.high - run.low == crops.size for run in runs)
    direct = covered and step == 1 and crops.size == length
    return Reading(first, length, step, runs, covered, direct, holds)


def _even_runs(
    members: list[int], first: list[int], low: int, high: int, skip: int
) -> Iterator[CropRun]:
    """The members as few runs that are evenly spaced, in number and in place."""
    start = 0
    while start < len(members):
        origin, stop, gap, advance = members[start], start + 1, 1, 0
        if stop < len(members):
            gap, advance = members[stop] - origin, first[members[stop]] - first[origin]
        while (
            stop < len(members)
            and members[stop] - members[stop - 1] == gap
            and first[members[stop]] - first[members[stop - 1]] == advance
        ):
            stop += 1
        count = stop - start
        where = slice(origin, origin + (count - 1) * gap + 1, gap)
        yield CropRun(where, count, first[origin], advance, low, high, skip)
        start = stop
