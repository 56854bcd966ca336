"""How many replicas are wanted: enough that nobody waits longer than set, one fewer at a time."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import pytest

from brightfield.cluster.scaling import BACKLOG, PLACES, BacklogPolicy, wanted


@pytest.mark.parametrize(
    ("backlogs", "places", "now", "expected"),
    [
        ([], [], 1, 1),
        ([0.0, 0.0], [0.0, 0.0], 2, 1),
        ([0.5], [0.0], 1, 1),
        ([0.51], [0.0], 1, 2),
        ([3.0, 1.0], [0.0, 0.0], 2, 8),
        ([0.0, 0.0], [0.7, 0.7], 2, 2),
        ([0.0, 0.0], [0.7, 0.71], 2, 3),
        ([0.0] * 9, [0.0] * 9, 9, 8),
    ],
)
def test_as_many_as_the_work_and_the_places_ask_for(
    backlogs: list[float], places: list[float], now: int, expected: int
) -> None:
    assert wanted(backlogs, places, 0.5, now) == expected


def test_work_that_goes_on_is_kept_up_with_and_its_end_lets_replicas_go_one_by_one() -> None:
    """Replicas that each do a second of work in a second, asked once a second."""
    policy, rate, waiting, count, counts = BacklogPolicy(0.5), 3.2, 0.0, 1, []
    for second in range(120):
        waiting = max(0.0, waiting + (rate if second < 60 else 0.0) - count)
        told = {
            BACKLOG: dict.fromkeys(range(count), waiting / count),
            PLACES: dict.fromkeys(range(count), min(1.0, rate / 4 / count)),
        }
        count, state = policy(SimpleNamespace(aggregated_metrics=told, target_num_replicas=count))
        counts.append(count)
        assert waiting <= 2 * rate and state == {}
    assert max(counts[:60]) >= 4 and counts[-1] <= 2
    steps = [before - after for before, after in pairwise(counts)]
    assert max(steps) == 1


def test_before_a_replica_has_told_anything_the_number_stays() -> None:
    assert BacklogPolicy(0.5)(SimpleNamespace(aggregated_metrics=None, target_num_replicas=2)) == (
        1,
        {},
    )
