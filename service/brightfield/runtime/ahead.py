"""A few items on their way to a lane at once: submitted ahead, collected in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

from brightfield.runtime.lane import assert_off_lane
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import WorkItem

T = TypeVar("T")

CHUNKS_AHEAD = 2
"""For items that are each a batch: one on the lane, and one that waits, so that the lane does not
idle while the next is made. So many inputs and outputs are in memory."""
ROWS_AHEAD = 8
"""For items of one row each, which the batcher joins: as many as an unmeasured batch has."""


def ahead(
    inputs: Iterable[T],
    submit: Callable[[T], WorkItem],
    ticket: Ticket,
    most: int = CHUNKS_AHEAD,
    *,
    keep_faults: bool = False,
) -> Generator[tuple[T, WorkItem], None, None]:
    """Each input with its finished item, in the order of the inputs; `most` are on their way.

    Inputs are taken as they are needed. Raises the first fault of an item, or the ticket's before
    the next one is submitted; with `keep_faults` the item has its fault in its future. Whatever
    ends it, an error, the ticket or a caller who needs no more, what is on its way is cancelled.

    Blocks, so it must not be called on a lane.
    """
    assert_off_lane()
    waiting: deque[tuple[T, WorkItem]] = deque()

    def collected() -> tuple[T, WorkItem]:
        given, item = waiting.popleft()
        item.future.exception()  # waits for its end
        if not keep_faults:
            item.result()
        return given, item

    try:
        for given in inputs:
            ticket.check()
            waiting.append((given, submit(given)))
            if len(waiting) >= most:
                yield collected()
        while waiting:
            yield collected()
    finally:
        for _, item in waiting:
            item.future.cancel()


def results_ahead(
    inputs: Iterable[T], submit: Callable[[T], WorkItem], ticket: Ticket, most: int = CHUNKS_AHEAD
) -> Generator[Any, None, None]:
    """As `ahead`, but the results alone: while a caller looks at one, neither its input nor its
    item is kept in memory."""
    for finished in ahead(inputs, submit, ticket, most):
        result = finished[1].result()
        del finished
        yield result
        del result
