"""What the service costs beside its model: throughput against the bound, CPU per request.

    python benchmarks/service.py [--rounds 5] [--seconds 10] [--json FILE]

Two tables. *Throughput*: /classify with the shipped model at 32 clients, over HTTP, against the
bound: decode, preprocess and batched forward, by the backend that the service has chosen, of the
same JPEGs in one process without HTTP, the decoding overlapped with the forward on as many threads
as the service has, at its best batch size. The two alternate; the ratio is taken round by round.
The load generator shares the cores; its CPU time is given apart. *Overhead*: that of `overhead.py`.

Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import queue
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from load import photographs, started
from overhead import costs, environment, measured, table
from overhead import report as report_overhead
from settled import wait_until_settled

from brightfield.cards import ModelCard
from brightfield.engine import Engine
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.preprocess import preprocess
from brightfield.runtime.resident import Resident
from brightfield.runtime.torch_threads import OneThread
from brightfield.serving.interpreter import set_up_for_service
from brightfield.settings import Settings

HERE = Path(__file__).parent
MAX_PIXELS = 100_000_000
BATCHES = (1, 2, 4, 8, 16)
MODEL = "imagenet-lite0"


@dataclass(frozen=True)
class Bound:
    """Decode, preprocess and forward of endless JPEGs, in this process, without HTTP."""

    card: ModelCard
    forward: Callable[[torch.Tensor], object]
    bodies: Sequence[bytes]
    threads: int
    own_threads: bool

    @classmethod
    def of(cls, resident: Resident, bodies: Sequence[bytes]) -> Bound:
        """By what runs the model's predictions."""
        operation = resident.predicting()
        place = getattr(operation, "place", resident.place)
        forward = lambda rows: operation(resident.module, place(rows), ())  # noqa: E731
        own_threads = getattr(operation, "own_threads", False)
        return cls(resident.card, forward, bodies, os.cpu_count() or 1, own_threads)

    def prepared(self, body: bytes) -> torch.Tensor:
        return preprocess(decode(body, limits=Limits(MAX_PIXELS)), self.card.input).tensor

    def throughput(self, batch: int, seconds: float) -> float:
        """Images per second at a batch size; decoding threads keep a short queue filled."""
        ready: queue.Queue[torch.Tensor] = queue.Queue(4 * batch)
        stop = threading.Event()
        source = itertools.cycle(self.bodies)
        lock = threading.Lock()

        def feed() -> None:
            while not stop.is_set():
                with lock:
                    body = next(source)
                tensor = self.prepared(body)
                while not stop.is_set():
                    with contextlib.suppress(queue.Full):
                        ready.put(tensor, timeout=0.1)
                        break

        with ThreadPoolExecutor(self.threads) as pool:
            feeders = [pool.submit(feed) for _ in range(self.threads)]
            try:
                return self._forward(ready, batch, seconds)
            finally:
                stop.set()
                for feeder in feeders:
                    feeder.result()

    def _forward(self, ready: queue.Queue[torch.Tensor], batch: int, seconds: float) -> float:
        images, warm = 0, 3
        begin = time.perf_counter()
        with torch.inference_mode():
            while time.perf_counter() - begin < seconds:
                tensors = [ready.get() for _ in range(batch)]
                with OneThread(self.own_threads):
                    self.forward(torch.cat(tensors))
                images += batch
                if warm and not (warm := warm - 1):
                    images, begin = 0, time.perf_counter()
        return images / (time.perf_counter() - begin)


@contextlib.contextmanager
def accelerated() -> Iterator[Resident]:
    """The shipped model in this process, when it is known what runs it; the service, which has the
    same data folder, finds that there."""
    with Engine(Settings(preload=False)) as engine:
        resident = engine.registry.load(MODEL).result()
        while resident.verdict.progress in ("waiting", "preparing"):
            time.sleep(0.2)
        print(f"run by {resident.predicting()}", file=sys.stderr)
        yield resident


async def throughput(
    base: str, pid: int, given: argparse.Namespace, resident: Resident
) -> list[dict[str, Any]]:
    bodies = photographs()
    bound = Bound.of(resident, bodies)
    trials = {batch: bound.throughput(batch, given.seconds / 2) for batch in BATCHES}
    best = max(trials, key=lambda batch: trials[batch])
    print("bound by batch size:", {b: round(v, 1) for b, v in trials.items()}, file=sys.stderr)
    rows = []
    for _ in range(given.rounds):
        most = bound.throughput(best, given.seconds)
        report = await measured(f"{base}/classify", bodies, 32, given.seconds, pid)
        assert report.server_cpu_s is not None
        rows.append(
            {
                "bound_per_s": most,
                "bound_batch": best,
                "service_per_s": report.throughput,
                "ratio": report.throughput / most,
                "p50_ms": report.latency_ms["p50"],
                "p99_ms": report.latency_ms["p99"],
                "service_cpu_ms": 1e3 * report.server_cpu_s / report.requests,
                "generator_cpu_ms": 1e3 * report.client_cpu_s / report.requests,
            }
        )
    return rows


async def main(given: argparse.Namespace) -> None:
    base = f"http://127.0.0.1:{given.port}"
    set_up_for_service()  # the bound gets what the service gives itself
    command = f"{sys.executable} -m brightfield serve --port {given.port}"
    overhead = await costs(given)
    with environment(), accelerated() as resident:
        async with started(command, f"{base}/classify") as pid:
            wait_until_settled(base)
            speeds = await throughput(base, pid, given, resident)
    report_overhead(overhead)
    table("Throughput of /classify at 32 clients against the bound", speeds)
    print(f"median ratio: {statistics.median(row['ratio'] for row in speeds):.3f}")
    if given.json:
        given.json.write_text(json.dumps({"overhead": overhead, "throughput": speeds}, indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="alternations (5)")
    parser.add_argument("--seconds", type=float, default=10, help="length of each measurement (10)")
    parser.add_argument("--port", type=int, default=8766)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(arguments()))
