from __future__ import annotations

from collections.abc import Iterable

import pytest
from torch import nn

from brightfield.errors import Cancelled
from brightfield.outages import ModelFailed
from brightfield.runtime.ahead import ahead
from brightfield.runtime.operations import Forward
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import WorkItem

from .conftest import Make, images

FAULT = ModelFailed("poison")


class Submitted:
    """`submit` without a lane: an item is settled as `outcomes` says, or waits for ever."""

    def __init__(self, resident: Resident, outcomes: Iterable[object]) -> None:
        self.items: list[WorkItem] = []
        self._resident = resident
        self._outcomes = iter(outcomes)

    def __call__(self, given: str) -> WorkItem:
        item = WorkItem(self._resident, Forward(), images(0), Ticket())
        self.items.append(item)
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            item.refuse(outcome)
        elif outcome is not None:
            item.settle(outcome)
        return item

    @property
    def cancelled(self) -> list[bool]:
        return [item.future.cancelled() for item in self.items]


@pytest.fixture
def resident(resident_of: Make) -> Resident:
    return resident_of(nn.Identity())


def test_results_come_in_order_with_few_on_their_way(resident: Resident) -> None:
    submit = Submitted(resident, "ABCDE")
    seen = [
        (given, item.future.result(), len(submit.items))
        for given, item in ahead("abcde", submit, Ticket(), most=2)
    ]
    assert seen == [("a", "A", 2), ("b", "B", 3), ("c", "C", 4), ("d", "D", 5), ("e", "E", 5)]


def test_a_caller_who_needs_no_more_cancels_the_rest(resident: Resident) -> None:
    submit = Submitted(resident, ["A", None, None])
    loop = ahead("abcde", submit, Ticket(), most=3)
    next(loop)
    loop.close()
    assert submit.cancelled == [False, True, True]


def test_the_fault_of_one_ends_it_and_cancels_the_rest(resident: Resident) -> None:
    submit = Submitted(resident, ["A", FAULT, None])
    loop = ahead("abcde", submit, Ticket(), most=2)
    next(loop)
    with pytest.raises(ModelFailed):
        next(loop)
    assert submit.cancelled == [False, False, True]


def test_faults_are_kept_where_the_caller_asks_for_it(resident: Resident) -> None:
    submit = Submitted(resident, ["A", FAULT, "C"])
    items = [item for _, item in ahead("abc", submit, Ticket(), keep_faults=True)]
    assert [item.future.exception() for item in items] == [None, FAULT, None]


def test_a_withdrawn_ticket_ends_it_before_the_next_is_submitted(resident: Resident) -> None:
    ticket, submit = Ticket(), Submitted(resident, ["A", None])
    loop = ahead("abcde", submit, ticket, most=2)
    next(loop)
    ticket.cancel()
    with pytest.raises(Cancelled):
        next(loop)
    assert submit.cancelled == [False, True]


def test_on_a_lane_it_is_refused_before_anything_is_submitted(resident: Resident) -> None:
    submit = Submitted(resident, "A")
    waiting = resident.call(lambda: list(ahead("a", submit, Ticket())))
    with pytest.raises(ModelFailed, match="RuntimeError"):
        waiting.result(5)
    assert not submit.items
