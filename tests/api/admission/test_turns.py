"""Turns hold for those who wait as told, and cost the service nothing of what it can do."""

from __future__ import annotations

import pytest

from brightfield.api.admission.turns import Turns

from .overload import Overload

# Places, answers per second, clients; from a laptop to a device.
SIZES = [(16, 20, 64), (32, 40, 128), (256, 40, 1024), (256, 400, 1024), (128, 1000, 512)]


@pytest.mark.parametrize("connections", ["kept", "fresh"])
@pytest.mark.parametrize(("places", "speed", "clients"), SIZES)
def test_nine_in_ten_who_wait_as_told_are_let_in(
    places: int, speed: int, clients: int, connections: str
) -> None:
    load = Overload(places, speed, clients=clients, connections=connections)
    outcome = load.run(60)
    assert outcome.returned >= 100
    assert outcome.held >= 0.9
    assert outcome.answered >= 0.95 * 60 * speed


@pytest.mark.parametrize(("places", "speed"), [(32, 40), (64, 100)])
def test_turns_hold_against_four_times_as_many_newcomers(places: int, speed: int) -> None:
    """Strangers arrive at four times what the service can do, whatever it tells the others."""
    load = Overload(places, speed, arrivals=4 * speed, connections="kept")
    outcome = load.run(60)
    assert outcome.returned >= 100
    assert outcome.held >= 0.95
    assert outcome.answered >= 0.95 * 60 * speed


def test_waits_follow_the_rate_at_which_places_come_back() -> None:
    """Twice as fast a service tells half the wait; nobody waits far longer than a fair turn."""
    slow, fast = (Overload(64, speed, clients=256).run(60).waits for speed in (40, 80))
    middle = [sorted(waits)[len(waits) // 2] for waits in (slow, fast)]
    assert 1.5 <= middle[0] / middle[1] <= 2.7
    fair = (256 - 64) / 40
    assert max(slow) <= 6 * fair


def test_a_single_refusal_is_told_whole_seconds_that_end_at_its_turn() -> None:
    turns = Turns(4)
    assert not turns.spares(10.3, 1, taken=4, rate=8.0)
    promise = turns.promise(10.3, 1, rate=8.0, key="a")
    assert promise.seconds >= 1 and 10.3 <= promise.answer <= 11.3
    assert promise.answer + promise.seconds == promise.moment.due
    due = promise.moment.due
    assert not turns.spares(due - 0.01, 1, taken=3, rate=8.0), "the place is kept"
    assert turns.keeps(due, 1, taken=4, key="a"), "who comes when told may be one more"
    assert not turns.keeps(due, 1, taken=4, key="a"), "once"


def test_a_turn_that_nobody_takes_is_given_to_others() -> None:
    turns = Turns(4)
    due = turns.promise(10.0, 1, rate=8.0, key="a").moment.due
    assert turns.spares(due + 3, 1, taken=3, rate=8.0)


def test_a_large_batch_finds_its_places_together() -> None:
    """Places are kept free in time for all of its images."""
    turns = Turns(16)
    due = turns.promise(0.0, 12, rate=4.0).moment.due
    assert not turns.spares(due - 0.1, 1, taken=6, rate=4.0)
    assert turns.keeps(due, 12, taken=4, key=None)


def test_nobody_is_promised_anything_for_a_withdrawn_request() -> None:
    turns = Turns(4)
    promise = turns.promise(10.0, 1, rate=8.0, key="a")
    turns.withdraw(promise, "a")
    assert turns.spares(promise.moment.due, 1, taken=3, rate=8.0)
    assert not turns.keeps(promise.moment.due, 1, taken=4, key="a")
