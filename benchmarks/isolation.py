"""What a process for each model would cost, against models in the worker's own process.

    python benchmarks/isolation.py [--rounds 5] [--batches 40]

A batch of 224 x 224 images runs in this process, as the lane runs it, and in a child that has the
model: the rows are copied into shared memory, a pipe says go, the child computes and a pipe says
done. Both alternate; CPU seconds are those of both processes together, and the ratios are medians
of the rounds. Printed are also what a child keeps in memory before it has a model, and how long it
takes to start.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import psutil
import torch
from torch import nn

from brightfield import zoo
from brightfield.card_folders import find_cards
from brightfield.models.loading.build import build

SHAPE = (3, 224, 224)
MOST = 8


class Mean(nn.Module):
    """Next to nothing, so what is measured is the way to it."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows.mean((2, 3))


def network(name: str) -> nn.Module:
    if name == "nothing":
        return Mean()
    return build(find_cards((zoo.folder(),)).card(name))


def child(name: str, rows: torch.Tensor, pipe: Connection) -> None:
    torch.set_num_threads(1)
    pipe.send(psutil.Process().memory_info().rss)
    module = network(name)
    with torch.inference_mode():
        while (count := pipe.recv()) is not None:
            pipe.send(module(rows[:count]))


class Remote:
    """A model in a process of its own."""

    def __init__(self, name: str) -> None:
        self._rows = torch.zeros(MOST, *SHAPE).share_memory_()
        self._pipe, theirs = multiprocessing.Pipe()
        begin = time.perf_counter()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=child, args=(name, self._rows, theirs), daemon=True)
        self._process.start()
        self.rss = self._pipe.recv()
        self.start_seconds = time.perf_counter() - begin

    def __call__(self, rows: torch.Tensor) -> Any:
        self._rows[: len(rows)].copy_(rows)
        self._pipe.send(len(rows))
        return self._pipe.recv()

    def cpu(self) -> float:
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join()


def measured(run: Callable[[], object], cpu: Callable[[], float]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, used = time.perf_counter(), cpu()
    run()
    return time.perf_counter() - wall, cpu() - used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=40)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("model            rows  ms here  ms there  CPU ratio  wall ratio")
    for name in ("nothing", "imagenet-lite0"):
        module, remote = network(name), Remote(name)
        for rows in (torch.rand(1, *SHAPE), torch.rand(MOST, *SHAPE)):
            compare(name, module, remote, rows, given)
        print(f"  a child: {remote.rss / 2**20:.0f} MiB, {remote.start_seconds:.1f} s to start")
        remote.close()


def compare(
    name: str, module: nn.Module, remote: Remote, rows: torch.Tensor, given: argparse.Namespace
) -> None:
    def own() -> float:
        return time.process_time()

    batches = given.batches * (10 if name == "nothing" else 1)

    def here() -> None:
        with torch.inference_mode():
            for _ in range(batches):
                module(rows)

    def there() -> None:
        for _ in range(batches):
            remote(rows)

    here(), there()  # warm both
    found = [
        (measured(here, own), measured(there, lambda: own() + remote.cpu()))
        for _ in range(given.rounds)
    ]
    wall = statistics.median(b[0] / a[0] for a, b in found)
    cpu = statistics.median(b[1] / a[1] for a, b in found)
    ms = [1e3 * statistics.median(each[i][0] for each in found) / batches for i in (0, 1)]
    print(f"{name:16}{len(rows):5}{ms[0]:9.2f}{ms[1]:10.2f}{cpu:11.2f}{wall:12.2f}")


if __name__ == "__main__":
    main()
