"""The rate is counted while places are scarce, and guessed before."""

from __future__ import annotations

import pytest

from brightfield.api.admission.return_rate import ReturnRate


def test_only_crowded_time_counts() -> None:
    rate = ReturnRate(10, lambda: 2.0)
    now = 0.0
    for _ in range(100):  # little to do: one place a second, given back at once
        rate.note(now, 1)
        rate.note(now + 0.1, 0, 1)
        now += 1.0
    rate.note(now, 10)
    assert rate.per_second == pytest.approx(10 / 2.0), "nothing but the guess"
    for _ in range(400):  # ten times as fast for 40 s
        now += 0.1
        rate.note(now, 9, 1)
        rate.note(now, 10)
    assert rate.per_second == pytest.approx(10.0, rel=0.1)


def test_it_follows_a_service_that_slows_down() -> None:
    rate = ReturnRate(10, lambda: 1.0)
    now = 0.0
    for step, seconds in [(0.05, 20.0), (0.5, 60.0)]:
        end = now + seconds
        while now < end:
            now += step
            rate.note(now, 9, 1)
            rate.note(now, 10)
    assert rate.per_second == pytest.approx(2.0, rel=0.2)
