from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import wait

import pytest
import torch

from brightfield.errors import Cancelled
from brightfield.models.inspection.normalising import Undo
from brightfield.outages import DeadlineExceeded, ServiceStopping
from brightfield.runtime.lane import Lane
from brightfield.runtime.operations import Forward
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import Priority, WorkItem

from .conftest import Make, Recorder, images


def ask(resident: Resident, value: float, ticket: Ticket | None = None, **more: object) -> WorkItem:
    return resident.submit(Forward(), images(value), ticket or Ticket(), **more)  # type: ignore[arg-type]


class Held:
    """A lane that is busy until it is let go, so that the queue behind it is known."""

    def __init__(self, resident: Resident) -> None:
        self.module: Recorder = resident.module  # type: ignore[assignment]
        self.resident = resident

    def __enter__(self) -> Recorder:
        self.module.entered.clear()
        self.module.gate.clear()
        self.first = ask(self.resident, 0.5)
        assert self.module.entered.wait(5)
        return self.module

    def __exit__(self, *_: object) -> None:
        self.module.gate.set()
        self.first.future.result(5)


def test_an_idle_lane_does_not_wait_for_company(resident_of: Make) -> None:
    resident = resident_of(Recorder())
    item = ask(resident, 3)
    assert item.future.result(5).flatten().tolist() == [6] * 4
    assert item.batch_rows == 1


def test_what_arrives_while_the_lane_is_busy_shares_the_next_batch(resident_of: Make) -> None:
    resident = resident_of(Recorder())
    with Held(resident) as module:
        items = [ask(resident, value) for value in range(5)]
    assert [item.future.result(5)[0, 0, 0, 0].item() for item in items] == [0, 2, 4, 6, 8]
    assert module.batches == [1, 5]


@pytest.mark.slow
@pytest.mark.alone
def test_200_requests_against_a_slow_forward_need_at_most_27_batches(resident_of: Make) -> None:
    resident = resident_of(Recorder(seconds=0.3), max_batch=8)
    items = [ask(resident, value) for value in range(200)]
    wait([item.future for item in items])
    assert [item.future.result()[0, 0, 0, 0].item() for item in items] == [
        2 * v for v in range(200)
    ]
    assert len(resident.module.batches) <= 27  # type: ignore[arg-type]
    assert max(resident.module.batches) == 8  # type: ignore[type-var]


def test_a_caller_may_cap_the_batch(resident_of: Make) -> None:
    resident = resident_of(Recorder())
    with Held(resident) as module:
        items = [ask(resident, value, max_batch=2) for value in range(4)]
    wait([item.future for item in items])
    assert module.batches[:2] == [1, 2]
    assert max(module.batches) == 2  # what the first pair took may have spoken for smaller ones


def test_shapes_dtypes_and_operations_do_not_share_a_batch(resident_of: Make) -> None:
    resident = resident_of(Recorder())
    with Held(resident) as module:
        items = [
            ask(resident, 1),
            resident.submit(Forward(), torch.ones(1, 1, 3, 3), Ticket()),
            resident.submit(Forward(), images(1).double(), Ticket()),
            resident.submit(Forward(Undo("sigmoid")), images(1), Ticket()),
            ask(resident, 1),
        ]
    wait([item.future for item in items])
    assert sorted(module.batches) == [1, 1, 1, 1, 2]
    assert items[2].future.result().dtype == torch.float64


def test_the_oldest_deadline_is_served_first_across_models(lane: Lane, resident_of: Make) -> None:
    first, second = resident_of(Recorder()), resident_of(Recorder())
    with Held(first):
        relaxed = ask(first, 1, Ticket(30))
        urgent = ask(second, 1, Ticket(10))
    wait([relaxed.future, urgent.future])
    assert urgent.started < relaxed.started


def test_interactive_work_goes_first_and_bulk_is_not_starved(resident_of: Make) -> None:
    resident = resident_of(Recorder(), max_batch=1)
    with Held(resident) as module:
        bulk = [ask(resident, 100 + i, band=Priority.BULK) for i in range(2)]
        interactive = [ask(resident, i) for i in range(10)]
    wait([item.future for item in bulk + interactive])
    order = module.seen[1:]
    assert order[:4] == [0, 1, 2, 3]
    assert order.index(100) == 4
    assert order.index(101) == 9


def test_forty_clients_that_hang_up_cost_at_most_one_batch(
    resident_of: Make, count: Callable[..., float]
) -> None:
    resident = resident_of(Recorder())
    tickets = [Ticket() for _ in range(40)]
    with Held(resident) as module:
        items = [ask(resident, i, ticket) for i, ticket in enumerate(tickets)]
        for index, (item, ticket) in enumerate(zip(items, tickets, strict=True)):
            ticket.cancel() if index % 2 else item.future.cancel()
        survivor = ask(resident, 7)
    assert survivor.future.result(5)[0, 0, 0, 0] == 14
    assert module.batches == [1, 1]
    assert count("dropped_rows_total", reason="cancelled") == 40
    with pytest.raises(Cancelled):
        items[1].future.result()


def test_an_expired_item_is_dropped_and_told_so(
    resident_of: Make, count: Callable[..., float]
) -> None:
    resident = resident_of(Recorder())
    with Held(resident) as module:
        late = ask(resident, 1, Ticket(0.01))
        time.sleep(0.02)
    with pytest.raises(DeadlineExceeded):
        late.future.result(5)
    assert module.batches == [1]
    assert count("dropped_rows_total", reason="expired") == 1


def test_rows_computed_for_a_client_that_left_are_counted(
    resident_of: Make, count: Callable[..., float]
) -> None:
    resident = resident_of(Recorder())
    module: Recorder = resident.module  # type: ignore[assignment]
    module.gate.clear()
    ticket = Ticket()
    item = ask(resident, 1, ticket)
    assert module.entered.wait(5)
    ticket.cancel()
    module.gate.set()
    item.future.result(5)
    assert count("abandoned_rows_total") == 1


def test_the_queue_depth_returns_to_zero(resident_of: Make, count: Callable[..., float]) -> None:
    resident = resident_of(Recorder())
    with Held(resident):
        items = [ask(resident, i) for i in range(3)]
        assert count("queue_depth", device="cpu", band="interactive") == 3
    wait([item.future for item in items])
    assert count("queue_depth", device="cpu", band="interactive") == 0


def test_the_backlog_is_priced_by_what_rows_have_cost(lane: Lane, resident_of: Make) -> None:
    resident = resident_of(Recorder())
    resident.sizes.observe(Forward(), (1, 2, 2), 4, 2.0)
    with Held(resident):
        items = [ask(resident, i) for i in range(6)]
        assert lane.batcher.backlog() == pytest.approx(3.0, rel=0.4)
    wait([item.future for item in items])


def test_after_closing_every_future_is_settled(lane: Lane, resident_of: Make) -> None:
    resident = resident_of(Recorder())
    with Held(resident):
        waiting = ask(resident, 1)
        lane.batcher.close()
    with pytest.raises(ServiceStopping):
        waiting.future.result(5)
    with pytest.raises(ServiceStopping):
        ask(resident, 1).future.result(5)
