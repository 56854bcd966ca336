"""One chunk of positions through the model: every layer on its crops, the head in full."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from brightfield.models.incremental.axis import AxisLayout, Reading
from brightfield.models.incremental.base import Base
from brightfield.models.incremental.crops import (
    PaddedMap,
    Put,
    added,
    blocks,
    empty,
    lay,
    sums,
)
from brightfield.models.incremental.graph import Graph, LocalStep
from brightfield.models.incremental.operations import (
    Concatenation,
    LocalMerge,
    Pointwise,
    Relabel,
    Sliding,
    Sum,
)
from brightfield.models.incremental.recording import INPUT


@dataclass(slots=True)
class Pass:
    """The crops of the values that are still needed, by number: (rows * columns, C, h, w) each.

    Row i * columns + j has the crop around the hiding window in row i and column j of the chunk.
    `pending` has pointwise functions that were put off: whoever reads the crop applies them while
    copying it, so that copying costs nothing of its own. What is `shared` lies in memory that
    another value uses, and is never written to.
    """

    graph: Graph
    down: AxisLayout
    across: AxisLayout
    base: Base
    values: dict[int, Tensor] = field(default_factory=dict)
    pending: dict[int, Put] = field(default_factory=dict)
    shared: set[int] = field(default_factory=set)
    left: Counter[int] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return len(self.down.placements[INPUT].starts)

    @property
    def columns(self) -> int:
        return len(self.across.placements[INPUT].starts)

    def run(self, patches: Tensor) -> Any:
        """The model's output, a row per position, from the patches (B, C, h, w)."""
        self.values[INPUT] = patches
        self.shared.add(INPUT)
        self.left.update(self.graph.uses)
        for step in self.graph.steps:
            step.operation.on_crops(self, step)
            for number in step.inputs:
                self.left[number] -= 1
                if not self.left[number]:
                    self.values.pop(number, None)
        return self._head()

    # What `operations.CropRunner` asks for

    def pointwise(self, step: LocalStep, operation: Pointwise) -> None:
        number = step.inputs[0]
        source = self._settled(number)
        if operation.into is not None and self._free(number):
            self.values[step.output] = source
            self.pending[step.output] = operation.into
        else:
            self.values[step.output] = operation.function(source)

    def sliding(self, step: LocalStep, operation: Sliding) -> None:
        (number,) = step.inputs
        if self._complete(number) and self._complete(step.output):
            self.values[step.output] = operation.whole(self._settled(number))
            return
        region = self._region(step, 0)
        placed = self.down.placements[step.output], self.across.placements[step.output]
        self.values[step.output] = operation.inside(region, placed[0].starts, placed[1].starts)

    def relabelled(self, step: LocalStep, operation: Relabel) -> None:
        self.values[step.output] = self._settled(step.inputs[0])[:, operation.channels]
        self.shared.update((step.output, step.inputs[0]))

    def added(self, step: LocalStep, operation: Sum) -> None:
        self.values[step.output] = self._sum(step)

    def concatenated(self, step: LocalStep, operation: Concatenation) -> None:
        self.values[step.output] = self._concatenation(step)

    def merged(self, step: LocalStep, operation: LocalMerge) -> None:
        read = [self._region(step, which) for which in range(2)]
        self.values[step.output] = operation.whole(*read)

    # How

    def _sum(self, step: LocalStep) -> Tensor:
        """Into the memory of an operand that lies where the sum lies and is needed no more."""
        for which, number in enumerate(step.inputs):
            down, across = self._readings(step, which)
            twice = step.inputs[0] == step.inputs[1]
            if down.direct and across.direct and self._free(number) and not twice:
                target = self._settled(number)
                break
        else:
            which, target = 0, self._region(step, 0, own=True)
        other = 1 - which
        down, across = self._readings(step, other)
        crops = self._settled(step.inputs[other])
        if down.direct and across.direct:
            return target.add_(crops)
        lay(target, crops, self._canvas(step, other), down, across, added)
        return target

    def _concatenation(self, step: LocalStep) -> Tensor:
        crops = [self._settled(number) for number in step.inputs]
        readings = [self._readings(step, which) for which in range(len(crops))]
        if all(down.direct and across.direct for down, across in readings):
            return torch.cat(crops, dim=1)
        target = self._empty(crops[0], self.graph.shapes[step.output][0], *readings[0])
        first = 0
        for which, (part, (down, across)) in enumerate(zip(crops, readings, strict=True)):
            stop = first + part.shape[1]
            lay(target[:, first:stop], part, self._canvas(step, which), down, across)
            first = stop
        return target

    def _region(self, step: LocalStep, which: int, *, own: bool = False) -> Tensor:
        """What a step reads of an input; `own`: never the input's own memory."""
        number = step.inputs[which]
        down, across = self._readings(step, which)
        if down.direct and across.direct and not own:
            return self._settled(number)
        through = None if own else self._put_off(number, down, across)
        crops = self.values[number] if through is not None else self._settled(number)
        target = self._empty(crops, crops.shape[1], down, across)
        lay(target, crops, self._canvas(step, which), down, across, through=through)
        if through is not None:
            self._move(number, target, down, across)
        return target

    def _put_off(self, number: int, down: Reading, across: Reading) -> Put | None:
        """The pending function of a value as a way of copying it, where nobody needs more of it
        than is copied."""
        last = self.left[number] == 1
        if number in self.pending and (last or (_keeps(down) and _keeps(across))):
            into = self.pending.pop(number)
            return lambda target, source: into(source, target)
        return None

    def _move(self, number: int, target: Tensor, down: Reading, across: Reading) -> None:
        """From now on the value lives in the middle of what was read from it."""
        if _keeps(down) and _keeps(across):
            (run,), (other,) = down.runs, across.runs
            self.values[number] = target[:, :, run.low : run.high, other.low : other.high]
            self.shared.add(number)

    def _settled(self, number: int) -> Tensor:
        """The crops of a value, its pending function applied."""
        into = self.pending.pop(number, None)
        if into is not None:
            into(self.values[number], self.values[number])
        return self.values[number]

    def _free(self, number: int) -> bool:
        """Whether the value's memory may be written to: nobody else reads it after this step."""
        return self.left[number] == 1 and number not in self.shared

    def _complete(self, number: int) -> bool:
        return self.down.placements[number].whole and self.across.placements[number].whole

    def _readings(self, step: LocalStep, which: int) -> tuple[Reading, Reading]:
        key = (step.output, which)
        return self.down.readings[key], self.across.readings[key]

    def _canvas(self, step: LocalStep, which: int) -> PaddedMap | None:
        down, across = self._readings(step, which)
        if down.covered and across.covered:
            return None
        return self.base.canvas(step.inputs[which], outside(step))

    def _empty(self, like: Tensor, channels: int, down: Reading, across: Reading) -> Tensor:
        return empty(like, channels, self.rows, self.columns, (down.length, across.length))

    def _head(self) -> Any:
        head = self.graph.head
        known = {mean.output: self._mean(mean.source, mean.keeps_axes) for mean in head.means}
        known |= {number: self._pasted(number) for number in head.pasted}
        return head.run(known, self.rows * self.columns)

    def _mean(self, number: int, keeps_axes: bool) -> Tensor:
        """sum over the base map - sum of it under the crop + sum of the crop, over its area."""
        crops = self._settled(number)
        if self._complete(number):
            return crops.mean((2, 3), keepdim=keeps_axes)
        table = self.base.tables[number]
        hidden = sums(table, self.down.placements[number], self.across.placements[number])
        _, height, width = self.graph.shapes[number]
        mean = (table[-1, -1] - hidden + crops.sum((2, 3))) / (height * width)
        mean = mean.to(crops.dtype)
        return mean[:, :, None, None] if keeps_axes else mean

    def _pasted(self, number: int) -> Tensor:
        crops = self._settled(number)
        if self._complete(number):
            return crops
        down, across = self.down.complete[number], self.across.complete[number]
        target = self._empty(crops, crops.shape[1], down, across)
        lay(target, crops, self.base.canvas(number, None), down, across)
        return target


def outside(step: LocalStep) -> float | None:
    """What the padding of a step counts as; None where it has none."""
    operation = step.operation
    if not isinstance(operation, Sliding):
        return None
    slides = (operation.down, operation.across)
    padded = any(slide.before or slide.after for slide in slides)
    return operation.outside if padded else None


def _keeps(reading: Reading) -> bool:
    """Whether what is read holds the whole crop in one evenly spaced piece."""
    return len(reading.runs) == 1 and reading.step == 1 and reading.holds


def patches(fill: Tensor, down: AxisLayout, across: AxisLayout) -> Tensor:
    """What hides, at every position: (B, C, h, w) of `fill` (1, C, H, W)."""
    canvas = PaddedMap.around(fill, (0, 0, 0, 0), 0.0)
    rows, columns = down.hidden, across.hidden
    size = (rows.length, columns.length)
    target = empty(fill, fill.shape[1], len(rows.first), len(columns.first), size)
    into = blocks(target, len(rows.first), len(columns.first))
    for run in rows.runs:
        for other in columns.runs:
            into[run.where, other.where] = canvas.view(run, other, size, (1, 1))
    return target
