"""What the service counts about itself, in Prometheus' terms."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_STAGE_SECONDS = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    60,
)
_UNSORTED = 256
_BATCH_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Telemetry:
    """The counters of one service, in a registry of their own, so that two do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "brightfield_requests",
            "Requests answered.",
            ("endpoint", "status"),
            registry=self.registry,
        )
        self.stages = Histogram(
            "brightfield_stage_seconds",
            "Seconds by stage of a request.",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "brightfield_in_flight", "Images in flight, decoding included.", registry=self.registry
        )
        self.queue_depth = Gauge(
            "brightfield_queue_depth",
            "Rows that wait for the lane.",
            ("device", "band"),
            registry=self.registry,
        )
        self.batch_rows = Histogram(
            "brightfield_batch_rows",
            "Rows per batch.",
            ("model",),
            buckets=_BATCH_ROWS,
            registry=self.registry,
        )
        self.abandoned_rows = Counter(
            "brightfield_abandoned_rows",
            "Rows that were computed although their client had gone.",
            registry=self.registry,
        )
        self.dropped_rows = Counter(
            "brightfield_dropped_rows",
            "Rows that were dropped before they were computed.",
            ("reason",),
            registry=self.registry,
        )
        self.resident_bytes = Gauge(
            "brightfield_resident_bytes",
            "Bytes of a resident model.",
            ("model", "device"),
            registry=self.registry,
        )
        self.loads = Counter(
            "brightfield_loads", "Models loaded.", ("model",), registry=self.registry
        )
        self.evictions = Counter(
            "brightfield_evictions",
            "Models evicted to make room.",
            ("model",),
            registry=self.registry,
        )
        self.lane_restarts = Counter(
            "brightfield_lane_restarts",
            "Restarts of a device's thread.",
            ("device",),
            registry=self.registry,
        )
        self._unsorted: deque[Mapping[str, float]] = deque()
        # Finding a child by its labels costs more than counting.
        self._stage = lru_cache(None)(self.stages.labels)
        self._request = lru_cache(None)(
            lambda endpoint, status: self.requests.labels(endpoint, str(status))
        )
        self._batches = lru_cache(None)(self.batch_rows.labels)

    def observe_stages(self, seconds: Mapping[str, float]) -> None:
        """Count one image's seconds by stage; sorted into buckets when somebody asks."""
        self._unsorted.append(seconds)
        if len(self._unsorted) >= _UNSORTED:
            self._sort()

    def _sort(self) -> None:
        while self._unsorted:
            for stage, value in self._unsorted.popleft().items():
                self._stage(stage).observe(value)

    def count_request(self, endpoint: str, status: int) -> None:
        """Count one reply."""
        self._request(endpoint, status).inc()

    def observe_batch(self, model: str, rows: int) -> None:
        """Count a batch of so many rows."""
        self._batches(model).observe(rows)

    def exposition(self) -> bytes:
        """All counters in Prometheus' text format."""
        self._sort()
        return generate_latest(self.registry)
