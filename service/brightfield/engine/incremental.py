"""Incremental passes of a resident model: traced and planned once, run in chunks on the lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from brightfield.explain.probing.hiding import hidden_image
from brightfield.explain.probing.incremental import PlainComparison, Windowed
from brightfield.models.incremental import (
    Base,
    CostEstimate,
    IncrementalPlan,
    Refusal,
    Schedule,
    WindowChunk,
    estimate,
    probe_chunks,
    trace,
)
from brightfield.models.incremental.schedule import Spans
from brightfield.runtime.ahead import ahead
from brightfield.runtime.operations import LaneCall, Operation
from brightfield.runtime.resident import Planned, Resident
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import Priority, WorkItem
from brightfield.tensors import Images, Scores, chunked

# An image's base activations may take so much of the device's memory while its map is made.
_MOST_BASE_BYTES = 2**30

Scored = Callable[[Any], Scores]
"""From an output of B rows to (B, T)."""


@dataclass(frozen=True, slots=True)
class Passes:
    """How a model is run for scores: the operation, what reads the scores, and for whom.

    `count` is told of every image that is sent through the whole model.
    """

    resident: Resident
    operation: Operation
    scored: Scored
    ticket: Ticket
    count: Callable[[int], None]

    def call(self, function: Callable[[], Any]) -> WorkItem:
        """Queue a function for the lane, in the bulk band."""
        self.ticket.check()
        return self.resident.submit(
            LaneCall(function), torch.empty(1, 0), self.ticket, band=Priority.BULK
        )

    def plain(self, rows: Images) -> Scores:
        """The scores of complete passes."""
        self.ticket.check()
        self.count(len(rows))
        batches = chunked(rows, self.resident.most_rows(self.operation, tuple(rows.shape[1:])))
        items = [
            self.resident.submit(self.operation, batch, self.ticket, band=Priority.BULK)
            for batch in batches
        ]
        return torch.cat([self.scored(item.future.result()) for item in items])


def planned(
    passes: Passes, images: Images, rows: Spans, cols: Spans, least: int
) -> Planned | Refusal:
    """The schedule of a grid of windows for images like this one, or why there is none.

    A model is traced once for a shape, in a turn of its own on the lane; for fewer windows than
    `least` it is not traced at all.
    """
    resident = passes.resident
    if resident.alone:
        return Refusal("Images of a batch change each other's answers in this model.")
    kind = (passes.operation, tuple(images.shape[1:]), images.dtype)
    if len(rows) * len(cols) < least and kind not in resident.plans:
        return Refusal("The windows are too few to be worth tracing the model for them.")
    plan = resident.plans.get(kind, lambda: _traced(passes, images), passes.ticket)
    if isinstance(plan, Refusal):
        return plan
    found = resident.planned.get(
        (*kind, tuple(rows), tuple(cols)),
        lambda: Planned(plan.schedule(rows, cols)),
        passes.ticket,
    )
    if found.schedule.base_bytes > _MOST_BASE_BYTES:
        return Refusal(
            f"The activations of the whole image would take {found.schedule.base_bytes / 2**20:.0f}"
            f" MiB, and {_MOST_BASE_BYTES / 2**20:.0f} are allowed."
        )
    return found


def _traced(passes: Passes, images: Images) -> IncrementalPlan | Refusal:
    def run() -> IncrementalPlan | Refusal:
        module = _Operated(passes.resident.module, passes.operation)
        return trace(module.eval(), passes.resident.place(images))

    found: IncrementalPlan | Refusal = passes.call(run).result()
    return found


class _Operated(nn.Module):
    """An operation on a module as a module, which holds on to neither."""

    def __init__(self, module: nn.Module, operation: Operation) -> None:
        super().__init__()
        self._run = partial(operation, module)

    def forward(self, rows: Images) -> Any:
        return self._run(rows, ())


class LaneWindows:
    """`explain.incremental.Incremental` over a resident model; used in a thread that may block."""

    def __init__(self, passes: Passes, planned: Planned, images: Images, fill: Images) -> None:
        self.schedule: Schedule = planned.schedule
        self._passes = passes
        self._planned = planned
        self._images = images
        self._fill = fill
        self._base: tuple[Base, Scores] | None = None
        self._known: dict[int, WorkItem] = {}  # chunks that were computed to measure or check them
        self.checks = 0

    def agreement(self) -> PlainComparison:
        chunks = probe_chunks(self.schedule)
        for index in chunks:
            if index not in self._known:
                self._known[index] = self._submit(self.schedule.chunks[index])
        parts = [self._result(index) for index in chunks]
        plain = self._plainly([int(part.places[-1]) for part in parts])
        found = torch.cat([self.base(), *(part.scores[-1:] for part in parts)])
        known = torch.cat([self.base(), *(part.scores for part in parts)])
        return PlainComparison.of(found, plain, known)

    def base(self) -> Scores:
        return self._lay_base()[1]

    def estimate(self) -> CostEstimate:
        if self._planned.estimate is None:
            self._planned.estimate = self._measured()
        return self._planned.estimate

    def parts(self) -> Iterator[Windowed]:
        def submit(index: int) -> WorkItem:
            return self._known.pop(index, None) or self._submit(self.schedule.chunks[index])

        indices = range(len(self.schedule.chunks))
        for index, item in ahead(indices, submit, self._passes.ticket):
            yield self._windowed(self.schedule.chunks[index], item.result())

    def _result(self, index: int) -> Windowed:
        output = self._known[index].future.result()
        return self._windowed(self.schedule.chunks[index], output)

    def _plainly(self, places: Sequence[int]) -> Scores:
        """By complete passes: the image, and the windows at these places."""
        rows, cols = self.schedule.rows, self.schedule.cols
        hidden = (
            hidden_image(
                self._images, self._fill, rows[place // len(cols)], cols[place % len(cols)]
            )
            for place in places
        )
        self.checks = 1 + len(places)
        return self._passes.plain(torch.stack([self._images[0], *hidden]))

    def _lay_base(self) -> tuple[Base, Scores]:
        """The base activations, which stay on the device, and the scores."""
        if self._base is None:
            resident, images = self._passes.resident, self._images

            def run() -> tuple[Base, Any]:
                base = self.schedule.base(resident.place(images))
                return base, base.output  # of which the lane hands out a copy on the CPU

            base, output = self._passes.call(run).result()
            self._base = base, self._passes.scored(output)
        return self._base

    def _measured(self) -> CostEstimate:
        """Run a batch of plain rows, unless their cost is known, and the chunk that tells most.

        What looks slow is run once more, since a first run includes its one-time costs.
        """
        plain = self._plain_row_seconds()
        index = probe_chunks(self.schedule)[0]
        chunk, best = self.schedule.chunks[index], float("inf")
        for _ in range(2):
            item = self._submit(chunk)
            item.result()
            self._known[index] = item
            best = min(best, item.finished - item.started)
            found = estimate(self.schedule, plain, chunk, best)
            if found.incremental:
                break
        return found

    def _plain_row_seconds(self) -> float:
        resident, operation = self._passes.resident, self._passes.operation
        shape = tuple(self._images.shape[1:])
        if not resident.sizes.compared(operation, shape):
            rows = self._images.expand(resident.most_rows(operation, shape), -1, -1, -1)
            ticket = self._passes.ticket
            ticket.check()
            resident.submit(operation, rows, ticket, band=Priority.BULK).result()
        seconds = resident.sizes.seconds_per_row(operation, shape)
        assert seconds is not None
        return seconds

    def _submit(self, chunk: WindowChunk) -> WorkItem:
        base, resident = self._lay_base()[0], self._passes.resident
        return self._passes.call(lambda: chunk.run(base, resident.place(self._fill)))

    def _windowed(self, chunk: WindowChunk, output: Any) -> Windowed:
        width = len(self.schedule.cols)
        places: NDArray[np.int64] = (chunk.rows[:, None] * width + chunk.columns).ravel()
        return Windowed(places, self._passes.scored(output))
