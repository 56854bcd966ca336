from __future__ import annotations

from concurrent.futures import Future

import pytest

from brightfield.errors import Cancelled
from brightfield.outages import DeadlineExceeded
from brightfield.progress import Progress, Step
from brightfield.runtime.ticket import Ticket


def test_waiting_ends_with_the_future_whatever_came_of_it() -> None:
    done: Future[int] = Future()
    done.set_exception(ValueError("its own fault"))
    Ticket().wait(done)
    Ticket(0).wait(done)  # what is there already is there, however late


def test_its_check_is_a_progress() -> None:
    check: Progress = Ticket().check
    check(Step(1, 2))
    check = Ticket(0).check
    with pytest.raises(DeadlineExceeded):
        check(Step(1, 2))


def test_waiting_ends_with_the_ticket() -> None:
    never: Future[int] = Future()
    with pytest.raises(DeadlineExceeded):
        Ticket(0.01).wait(never)
    withdrawn = Ticket()
    withdrawn.cancel()
    with pytest.raises(Cancelled):
        withdrawn.wait(never)
