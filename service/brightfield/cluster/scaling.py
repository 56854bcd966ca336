"""How many replicas are wanted: by the work that waits, and by the places that are taken.

Ray sends this file to its controller, so it imports nothing of the service.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

BACKLOG = "backlog"
"""Seconds of work that wait at a replica."""
PLACES = "places"
"""Share of a replica's places in flight that are taken, 0 to 1."""

_FULL = 0.7


def wanted(backlogs: Iterable[float], places: Iterable[float], target_wait: float, now: int) -> int:
    """`max(ceil(sum backlog / target_wait), ceil(sum places / 0.7), now - 1, 1)`

    A request waits `target_wait` seconds at most if the work that waits is shared by so many. There
    is one fewer at a time, since who comes next shall not find all gone.
    """
    by_work = math.ceil(_rounded(sum(backlogs) / target_wait))
    by_places = math.ceil(_rounded(sum(places) / _FULL))
    return max(by_work, by_places, now - 1, 1)


def _rounded(ratio: float) -> float:
    """Without the last digits, in which 1.4 / 0.7 is more than 2."""
    return round(ratio, 9)


class BacklogPolicy:
    """The policy that Ray's controller asks; bounds and delays are its own."""

    def __init__(self, target_wait: float) -> None:
        self._target_wait = target_wait

    def __call__(self, context: Any) -> tuple[int, dict[str, Any]]:
        """What a `ray.serve.config.AutoscalingContext` asks for, and no state."""
        told = context.aggregated_metrics or {}
        backlogs, places = (told.get(name, {}).values() for name in (BACKLOG, PLACES))
        return wanted(backlogs, places, self._target_wait, context.target_num_replicas), {}
