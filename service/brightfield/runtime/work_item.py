"""What waits for a lane: rows of one model and operation, with a future for their result."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Hashable
from concurrent.futures import Future, InvalidStateError
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

import torch
from torch import nn

from brightfield.cards import ModelCard
from brightfield.errors import BrightfieldError
from brightfield.frames import without_frames
from brightfield.runtime.batch_sizes import BatchSizes
from brightfield.runtime.operations import Operation
from brightfield.runtime.ticket import Ticket

# An item without a nearer deadline is due after this time, so that it ages past newcomers.
MAX_AGE = 60.0


class Priority(IntEnum):
    """Interactive work goes first; bulk work (chunks, tiles, jobs) runs in between."""

    INTERACTIVE = 0
    BULK = 1


class PlacedModel(Hashable, Protocol):
    """What a lane needs of a model on its device; two are equal only if they are the same one."""

    @property
    def card(self) -> ModelCard: ...

    @property
    def module(self) -> nn.Module: ...

    @property
    def sizes(self) -> BatchSizes:
        """What batches of it have cost."""
        ...

    @property
    def row_limit(self) -> int | None:
        """The most rows that may go through it together."""
        ...

    def most_rows(self, operation: Operation, shape: tuple[int, ...]) -> int:
        """Rows of shape (C, H, W) at which a batch is closed."""
        ...

    def place(self, rows: torch.Tensor) -> torch.Tensor:
        """The rows (n, ...) on the device."""
        ...

    def release_cache(self) -> None:
        """Give the device's cached, unused blocks back."""
        ...


@dataclass(slots=True, eq=False)
class WorkItem:
    """`rows` (n, ...) of one request; the future's result has n rows, too.

    The lane writes `started`, `finished` (monotonic seconds) and `batch_rows` before it settles
    the future, so whoever awaits it may read them.
    """

    model: PlacedModel
    operation: Operation
    rows: torch.Tensor
    ticket: Ticket
    band: Priority = Priority.INTERACTIVE
    argument: Any = None
    max_batch: int | None = None
    only_timed: bool = False
    """Whether nobody looks at the result, which may have NaN then."""
    future: Future[Any] = field(default_factory=Future)
    context: Context = field(default_factory=copy_context)
    """That of the request, by which what a library logs names it."""
    enqueued: float = field(default_factory=time.monotonic)
    started: float = 0.0
    finished: float = 0.0
    batch_rows: int = 0

    @property
    def count(self) -> int:
        return self.rows.shape[0]

    @property
    def key(self) -> Hashable:
        """Items of one key may share a batch."""
        return (self.model, self.operation, self.rows.shape[1:], self.rows.dtype)

    @property
    def due(self) -> float:
        return min(self.ticket.deadline, self.enqueued + MAX_AGE)

    def settle(self, result: Any) -> None:
        """Give the result; too late is too late, as when the thread was given up meanwhile."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_result(result)

    def refuse(self, fault: BrightfieldError) -> None:
        """Give the fault, if nothing was given yet."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_exception(without_frames(fault))

    def result(self) -> Any:
        """Wait for the result. What went wrong is raised anew for each who asks: their frames hold
        the item, and if its fault held them, all would live until the garbage is collected."""
        fault = self.future.exception()
        if isinstance(fault, BrightfieldError):
            raise fault.again()
        return self.future.result()
