"""The service, which also counts the CPU seconds of its work on images and of each of its threads.

`benchmarks/overhead.py` starts it: what a request costs beside decode, preprocess and forward is
then known without guessing what they would cost elsewhere. GET /metrics ends with further lines.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from brightfield.api.app import create_app
from brightfield.api.logs import configure
from brightfield.engine import image_bytes_held, image_pass
from brightfield.runtime.operations import Forward
from brightfield.runtime.telemetry import Telemetry
from brightfield.serving.server import Server
from brightfield.settings import Settings

WORK, THREAD = "benchmark_work_cpu_seconds", "benchmark_thread_cpu_seconds"

P = ParamSpec("P")
T = TypeVar("T")


class Meter:
    """Sums the CPU seconds of a function that it wraps, each thread for itself."""

    def __init__(self) -> None:
        self._seconds: defaultdict[int, float] = defaultdict(float)

    @property
    def total(self) -> float:
        return sum(self._seconds.values())

    def over(self, function: Callable[P, T]) -> Callable[P, T]:
        def metered(*args: P.args, **kwargs: P.kwargs) -> T:
            begin = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._seconds[threading.get_ident()] += time.thread_time() - begin

        return metered


def by_thread() -> dict[str, float]:
    """CPU seconds of the threads so far; those of one kind together (`decode-0`, `decode-1`)."""
    found: defaultdict[str, float] = defaultdict(float)
    for thread in threading.enumerate():
        assert thread.ident is not None
        clock = time.pthread_getcpuclockid(thread.ident)
        found[thread.name.partition("-")[0]] += time.clock_gettime(clock)
    return dict(found)


def install(meters: Mapping[str, Meter]) -> None:
    image_bytes_held.decode = meters["decode"].over(image_bytes_held.decode)
    image_pass.prepared = meters["preprocess"].over(image_pass.prepared)
    Forward.__call__ = meters["forward"].over(Forward.__call__)  # type: ignore[method-assign]
    exposition = Telemetry.exposition

    def with_meters(self: Telemetry) -> bytes:
        lines = [f'{WORK}{{of="{name}"}} {meter.total}' for name, meter in meters.items()]
        lines += [f'{THREAD}{{of="{name}"}} {seconds}' for name, seconds in by_thread().items()]
        return exposition(self) + "".join(f"{line}\n" for line in lines).encode()

    Telemetry.exposition = with_meters  # type: ignore[method-assign]


if __name__ == "__main__":
    install({name: Meter() for name in ("decode", "preprocess", "forward")})
    settings = Settings()
    configure(settings)
    Server(create_app(settings), settings).run()
