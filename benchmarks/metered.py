"""The service, which also counts the CPU seconds of its decoding threads in decode and preprocess.

`benchmarks/service.py` starts it: what a request costs beside them is then known without guessing
what they would cost elsewhere. GET /metrics ends with one line more.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from brightfield.api.app import create_app
from brightfield.api.logs import configure
from brightfield.engine import image_bytes_held, image_pass
from brightfield.runtime.telemetry import Telemetry
from brightfield.serving.server import Server
from brightfield.settings import Settings

NAME = "benchmark_decode_and_preprocess_cpu_seconds"

P = ParamSpec("P")
T = TypeVar("T")


class Meter:
    """Sums the CPU seconds of the functions that it wraps, each thread for itself."""

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


def install(meter: Meter) -> None:
    image_bytes_held.decode = meter.over(image_bytes_held.decode)
    image_pass.prepared = meter.over(image_pass.prepared)
    exposition = Telemetry.exposition

    def with_meter(self: Telemetry) -> bytes:
        return exposition(self) + f"{NAME} {meter.total}\n".encode()

    Telemetry.exposition = with_meter  # type: ignore[method-assign]


if __name__ == "__main__":
    install(Meter())
    settings = Settings()
    configure(settings)
    Server(create_app(settings), settings).run()
