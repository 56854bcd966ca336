"""What the service counts about itself, in Prometheus' terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from brightfield.runtime.code_memory import code_bytes
from brightfield.runtime.stage_seconds import StageSeconds

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
_BATCH_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Telemetry:
    """The counters of one service, in a registry of their own, so that two do not meet."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.in_flight = _gauge(registry, "in_flight", "Images in flight, decoding included.")
        self.replica_info = _gauge(
            registry, "replica_info", "The process that counts.", "replica", "host"
        )
        self.jobs = _gauge(registry, "jobs", "Jobs that wait or run.")
        self.passed_on = _counter(
            registry, "passed_on", "Requests that another process answered: it serves the model."
        )
        self.body_bytes = _gauge(
            registry, "body_bytes", "Bytes of bodies in memory, of requests and of jobs.", "of"
        )
        self.queue_depth = _gauge(
            registry, "queue_depth", "Rows that wait for the lane.", "device", "band"
        )
        self.resident_bytes = _gauge(
            registry, "resident_bytes", "Bytes of a resident model.", "model", "device"
        )
        self.abandoned_rows = _counter(
            registry, "abandoned_rows", "Rows computed although their client had gone."
        )
        self.dropped_rows = _counter(
            registry, "dropped_rows", "Rows dropped before they were computed.", "reason"
        )
        self.loads = _counter(registry, "loads", "Models loaded.", "model")
        self.evictions = _counter(registry, "evictions", "Models evicted to make room.", "model")
        self.lane_restarts = _counter(
            registry, "lane_restarts", "Restarts of a device's thread.", "device"
        )
        self.lane_busy = _gauge(
            registry, "lane_busy_seconds", "Seconds that the batch has been running.", "device"
        )
        self.lost_threads = _gauge(
            registry, "lost_threads", "Threads that were given up, and still run."
        )
        self._watch_memory()
        requests = _counter(registry, "requests", "Requests answered.", "endpoint", "status")
        self._stages = StageSeconds(
            "brightfield_stage_seconds", "Seconds by stage of a request.", _STAGE_SECONDS
        )
        registry.register(self._stages)
        batches = _histogram(registry, "batch_rows", "Rows per batch.", "model", _BATCH_ROWS)
        # Finding a child by its labels costs more than counting.
        self._request = lru_cache(None)(lambda path, status: requests.labels(path, str(status)))
        self._batches = lru_cache(None)(batches.labels)

    def watch_cache(self, name: str, size: Callable[[], int], most: Callable[[], int]) -> None:
        """Tell how many bytes a cache has, and how many it may have."""
        self._cache_most_bytes.labels(name).set_function(most)
        self._cache_bytes.labels(name).set_function(size)

    def _watch_memory(self) -> None:
        """Of the process, and of its caches by their names."""
        memory = _gauge(
            self.registry,
            "memory_bytes",
            "Bytes of the process in memory, and those of code that libraries make while they run.",
            "of",
        )
        memory.labels("process").set_function(lambda: psutil.Process().memory_info().rss)
        memory.labels("code").set_function(code_bytes)
        kept = "Bytes that are kept for later requests."
        most = "Bytes that may be kept for later requests."
        self._cache_bytes = _gauge(self.registry, "cache_bytes", kept, "cache")
        self._cache_most_bytes = _gauge(self.registry, "cache_most_bytes", most, "cache")

    def observe_stages(self, seconds: Mapping[str, float]) -> None:
        """Count one image's seconds by stage."""
        self._stages.observe(seconds)

    def count_request(self, endpoint: str, status: int) -> None:
        """Count one reply."""
        self._request(endpoint, status).inc()

    def observe_batch(self, model: str, rows: int) -> None:
        """Count a batch of so many rows."""
        self._batches(model).observe(rows)

    def exposition(self) -> bytes:
        """All counters in Prometheus' text format."""
        return generate_latest(self.registry)


def _gauge(registry: CollectorRegistry, name: str, help_: str, *labels: str) -> Gauge:
    return Gauge(f"brightfield_{name}", help_, labels, registry=registry)


def _counter(registry: CollectorRegistry, name: str, help_: str, *labels: str) -> Counter:
    return Counter(f"brightfield_{name}", help_, labels, registry=registry)


def _histogram(
    registry: CollectorRegistry, name: str, help_: str, label: str, buckets: Sequence[float]
) -> Histogram:
    return Histogram(f"brightfield_{name}", help_, (label,), buckets=buckets, registry=registry)
