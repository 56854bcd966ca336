"""The base activations: what the crops of an image's patches are laid over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from brightfield.models.incremental.crops import PaddedMap, summed_area
from brightfield.models.incremental.graph import Graph
from brightfield.models.incremental.recording import INPUT
from brightfield.tensors import Images

Borders = tuple[int, int, int, int]
"""Widths left, right, top and bottom."""

CanvasKey = tuple[int, float]
"""A value, and what its padding counts as."""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """One image's canvases, and the model's output for it (one row).

    Belongs to the schedule that made it. A canvas holds a map that some patch reads beyond its
    own crop, a table the sums of one whose mean is taken; the other maps are not kept, but for the
    `values` that are asked for.
    """

    canvases: Mapping[CanvasKey, PaddedMap]
    tables: Mapping[int, Tensor]
    output: Any
    values: dict[int, Tensor] = field(default_factory=dict)

    def canvas(self, number: int, outside: float | None) -> PaddedMap:
        """The canvas of a value; with `outside` None any of them, since its frame is not read."""
        if outside is not None:
            return self.canvases[number, outside]
        return next(canvas for key, canvas in self.canvases.items() if key[0] == number)

    @property
    def size_bytes(self) -> int:
        tables = sum(table.numel() * table.element_size() for table in self.tables.values())
        return tables + sum(canvas.size_bytes for canvas in self.canvases.values())


def evaluate(
    graph: Graph,
    images: Images,
    frames: Mapping[CanvasKey, Borders] | None = None,
    summed: frozenset[int] = frozenset(),
    kept: Sequence[int] = (),
) -> Base:
    """Run the graph on complete images.

    Of the first image, keep the canvases that `frames` names and the tables of `summed`; of all of
    them, with no head behind them, the values `kept`.
    """
    values: dict[int, Tensor] = {INPUT: images}
    canvases: dict[CanvasKey, PaddedMap] = {}
    tables: dict[int, Tensor] = {}
    left = Counter(graph.uses)

    def keep(number: int) -> None:
        for key, frame in (frames or {}).items():
            if key[0] == number:
                canvases[key] = PaddedMap.around(values[number], frame, key[1])
        if number in summed:
            tables[number] = summed_area(values[number])

    keep(INPUT)
    for step in graph.steps:
        values[step.output] = step.operation.whole(*(values[number] for number in step.inputs))
        keep(step.output)
        for number in step.inputs:
            left[number] -= 1
            if not left[number]:
                values.pop(number, None)
    if kept:
        return Base(canvases, tables, None, {number: values[number] for number in kept})
    return Base(canvases, tables, graph.head.run(values, len(images)))


def as_input(images: Tensor) -> Images:
    """Channels last, where that is a layout."""
    return images.contiguous(memory_format=torch.channels_last)
