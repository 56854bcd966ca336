"""Along one axis: where the crops of every layer lie for some positions of a patch.

A patch changes an interval of rows times an interval of columns at every layer, so both axes are
laid out alone, and any rows go with any columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brightfield.models.incremental.graph import Graph, Step
from brightfield.models.incremental.operations import Relabel, Sliding
from brightfield.models.incremental.recording import INPUT
from brightfield.models.incremental.slide import Indices

Intervals = Mapping[int, tuple[Indices, Indices]]
"""By value: the first and one past the last index that each position's patch can have changed."""


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """The crops of one value: `size` long from `starts`, of maps that are `length` long."""

    starts: Indices
    size: int
    length: int

    @property
    def whole(self) -> bool:
        return self.size == self.length


@dataclass(frozen=True, slots=True)
class Run:
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
    runs: tuple[Run, ...]
    covered: bool
    direct: bool
    holds: bool


@dataclass(frozen=True, slots=True, eq=False)
class AxisLayout:
    """For some positions: each value's placement, and how each step reads each of its inputs."""

    placements: Mapping[int, Placement]
    readings: Mapping[tuple[int, int], Reading]
    complete: Mapping[int, Reading]
    """How a value of the head's frontier is put into its complete map."""
    hidden: Reading
    """How the patches are read from an image of what hides."""


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
        elif isinstance(step.operation, Relabel):
            shift = (step.operation.top, step.operation.left)[axis]
            lows, highs = lows + shift, highs + shift
        found[step.output] = (lows, highs)
    return found


def lay_out(graph: Graph, axis: int, intervals: Intervals, most: float) -> AxisLayout:
    """Crops of one size per value that hold what changed; from `most` of a map on, all of it."""
    placements = {INPUT: _placed(intervals[INPUT], graph.shapes[INPUT][axis + 1], 2.0)}
    for step in graph.steps:
        length = graph.shapes[step.output][axis + 1]
        sources = [placements[number] for number in step.inputs]
        if isinstance(step.operation, Relabel):
            shift = (step.operation.top, step.operation.left)[axis]
            placed = Placement(sources[0].starts + shift, sources[0].size, length)
        else:
            all_of_it = any(source.whole for source in sources)
            placed = _placed(intervals[step.output], length, 0.0 if all_of_it else most)
        placements[step.output] = placed
    readings = {
        (step.output, which): _reading(step, axis, placements[step.output], placements[number])
        for step in graph.steps
        for which, number in enumerate(step.inputs)
    }
    complete = {number: _complete(placements[number]) for number in graph.head.frontier}
    patch = placements[INPUT]
    hidden = read_from(patch, patch.starts, patch.size, 1)
    return AxisLayout(placements, readings, complete, hidden)


def _placed(interval: tuple[Indices, Indices], length: int, most: float) -> Placement:
    size = int((interval[1] - interval[0]).max())
    if size >= most * length:
        size = length
    return Placement(np.clip(interval[0], 0, length - size), size, length)


def _reading(step: Step, axis: int, made: Placement, read: Placement) -> Reading:
    if isinstance(step.operation, Sliding):
        slide = (step.operation.down, step.operation.across)[axis]
        first, length = slide.first_read(made.starts), slide.reads(made.size)
        return read_from(read, first, length, slide.step)
    shift = 0
    if isinstance(step.operation, Relabel):
        shift = (step.operation.top, step.operation.left)[axis]
    return read_from(read, made.starts - shift, made.size, 1)


def _complete(placed: Placement) -> Reading:
    return read_from(placed, np.zeros_like(placed.starts), placed.length, 1)


def read_from(crops: Placement, first: Indices, length: int, step: int) -> Reading:
    """The reading of `length` values from `first` on, of maps that have `crops` laid over."""
    low = np.clip(-((first - crops.starts) // step), 0, length)
    high = np.clip((crops.starts + crops.size - 1 - first) // step + 1, low, length)
    skip = np.where(low < high, first + low * step - crops.starts, 0)
    alike = np.stack([low, high, skip], axis=1)
    runs: list[Run] = []
    for kind in np.unique(alike, axis=0):
        members = np.flatnonzero((alike == kind).all(axis=1))
        runs += _even_runs(members, first, *map(int, kind))
    covered = all(run.low == 0 and run.high == length for run in runs)
    direct = covered and step == 1 and crops.size == length
    holds = all(run.high - run.low == crops.size for run in runs)
    return Reading(first, length, step, tuple(runs), covered, direct, holds)


def _even_runs(members: Indices, first: Indices, low: int, high: int, skip: int) -> list[Run]:
    """The members as few runs that are evenly spaced, in number and in place."""
    runs: list[Run] = []
    start = 0
    while start < len(members):
        stop = start + 1
        gap = advance = 0
        if stop < len(members):
            gap = int(members[stop] - members[start])
            advance = int(first[members[stop]] - first[members[start]])
            while stop < len(members) and _continues(members, first, stop, gap, advance):
                stop += 1
        count = stop - start
        origin = int(members[start])
        where = slice(origin, origin + (count - 1) * gap + 1, max(gap, 1))
        runs.append(Run(where, count, int(first[origin]), advance, low, high, skip))
        start = stop
    return runs


def _continues(members: Indices, first: Indices, stop: int, gap: int, advance: int) -> bool:
    here, before = members[stop], members[stop - 1]
    return bool(here - before == gap and first[here] - first[before] == advance)
