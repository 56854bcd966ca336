"""Seconds by stage of a request, as a histogram that is put together when somebody asks for it."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

# What waits to be counted takes a few hundred bytes a request.
_MOST_WAITING = 4096


class StageSeconds(Collector):
    """A histogram of the seconds of each stage, with upper `bounds` of its buckets.

    Prometheus' own counts one value at a time, by a search through its buckets and two locks, which
    for the stages of a request takes longer than to form a batch. Here a request leaves its values,
    and thousands are counted at once. Safe from any thread.
    """

    def __init__(self, name: str, meaning: str, bounds: Sequence[float]) -> None:
        self._name = name
        self._meaning = meaning
        self._bounds = np.array(bounds, np.float64)
        self._labels = [*map(floatToGoString, bounds), "+Inf"]
        self._waiting: deque[Mapping[str, float]] = deque()
        self._lock = threading.Lock()
        self._counts: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}
        self._sums: defaultdict[str, float] = defaultdict(float)

    def observe(self, seconds: Mapping[str, float]) -> None:
        """Count one request's seconds by stage."""
        self._waiting.append(seconds)
        if len(self._waiting) >= _MOST_WAITING:
            self._count()

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """The histogram with all that was observed."""
        self._count()
        family = HistogramMetricFamily(self._name, self._meaning, labels=("stage",))
        with self._lock:
            for stage, counts in self._counts.items():
                buckets = zip(self._labels, np.cumsum(counts).tolist(), strict=True)
                family.add_metric((stage,), list(buckets), self._sums[stage])
        yield family

    def _count(self) -> None:
        with self._lock:
            found: defaultdict[str, list[float]] = defaultdict(list)
            while self._waiting:
                for stage, value in self._waiting.popleft().items():
                    found[stage].append(value)
            for stage, values in found.items():
                places = np.searchsorted(self._bounds, values)  # a bound belongs to its bucket
                counted = np.bincount(places, minlength=len(self._labels))
                self._counts[stage] = self._counts.get(stage, 0) + counted
                self._sums[stage] += sum(values)
