"""Bytes are given in the order of asking, and come back when nobody has them any more."""

from __future__ import annotations

from brightfield.images.budget import DecodeBudget, Hold

MB = 2**20


def test_bytes_come_back_with_the_last_reference() -> None:
    budget = DecodeBudget(400 * MB)
    hold = budget.take(100 * MB)
    assert hold is not None and budget.taken == 100 * MB
    hold.keep(40 * MB)
    assert budget.taken == 40 * MB
    del hold
    assert budget.taken == 0


def test_who_came_first_is_first_and_small_images_stand_in_a_line_of_their_own() -> None:
    budget = DecodeBudget(400 * MB)
    held, given = [budget.take(200 * MB)], list[tuple[str, Hold]]()
    budget.ask(150 * MB, lambda hold: given.append(("large", hold)))
    budget.ask(40 * MB, lambda hold: given.append(("later", hold)))
    left = budget.ask(40 * MB, lambda hold: given.append(("left", hold)))
    assert budget.take(40 * MB) is None, "it would overtake those who wait"
    small = budget.take(1 * MB)
    assert small is not None
    left.withdraw()
    held.clear()
    assert [name for name, _ in given] == ["large", "later"]


def test_an_image_beyond_its_share_is_let_in_alone() -> None:
    budget = DecodeBudget(100 * MB)
    first = budget.take(500 * MB)
    assert first is not None
    assert budget.take(40 * MB) is None
    first.release()
    assert budget.take(40 * MB) is not None


def test_what_must_not_wait_makes_others_wait() -> None:
    budget = DecodeBudget(400 * MB)
    beside = [budget.hold(290 * MB), budget.hold(290 * MB)]
    assert budget.take(40 * MB) is None
    beside.clear()
    assert budget.take(40 * MB) is not None
