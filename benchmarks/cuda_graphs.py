"""What recording a pass as a CUDA graph saves on a GPU, by network, precision and batch size.

    python benchmarks/cuda_graphs.py [--models imagenet-lite0 nuclei] [--rows 1 8 32]

Milliseconds from rows on the CPU to outputs on the CPU, the medians of twenty passes: PyTorch's
eager pass in fp32, and the same as a graph in each precision. In brackets the share of it that the
GPU computes; the rest is copying. Needs a CUDA device, and nothing else that uses it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from brightfield import zoo
from brightfield.cards import read_card
from brightfield.models.loading.build import build
from brightfield.runtime.acceleration.network import OutputTensors
from brightfield.runtime.backends import catalog
from brightfield.runtime.backends.inference_backend import Source

SIDES = {"imagenet-lite0": 224, "nuclei": 512, "blood-cells": 512, "photo-x2": 256}
PASSES, WARM_UPS = 20, 4
DEVICE = torch.device("cuda:0")


def milliseconds(run: Callable[[], Any]) -> float:
    def once() -> float:
        begin = time.perf_counter()
        run()
        torch.cuda.synchronize(DEVICE)
        return 1e3 * (time.perf_counter() - begin)

    for _ in range(WARM_UPS):
        once()
    return median(once() for _ in range(PASSES))


def source_of(name: str) -> Source:
    module = build(read_card(zoo.folder() / name)).eval().to(DEVICE)
    network = OutputTensors(module.to(memory_format=torch.channels_last), None)
    return Source(network, Path(), DEVICE, 1)


def cells(source: Source, rows: Tensor) -> Iterator[str]:
    def eager(images: Tensor) -> Sequence[Tensor]:
        with torch.inference_mode():
            placed = images.to(DEVICE).contiguous(memory_format=torch.channels_last)
            return list(source.network(placed))

    backend = catalog()["cuda_graphs"]
    runs = [eager, *(backend.prepare(source, each).run for each in backend.precisions(DEVICE))]
    there = rows.to(DEVICE).contiguous(memory_format=torch.channels_last)
    for run in runs:
        whole = milliseconds(lambda run=run: [each.cpu() for each in run(rows)])  # type: ignore[misc]
        computed = milliseconds(lambda run=run: run(there))  # type: ignore[misc]
        yield f"{whole:.2f} ({100 * computed / whole:.0f} %)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(SIDES), choices=SIDES)
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 8, 32])
    args = parser.parse_args()
    torch.backends.cudnn.allow_tf32 = False
    precisions = catalog()["cuda_graphs"].precisions(DEVICE)
    names = ["model", "images", "eager fp32", *(f"graph {each}" for each in precisions)]
    print(f"{torch.cuda.get_device_name(DEVICE)}, PyTorch {torch.__version__}\n")
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for name in args.models:
        source, channels = source_of(name), read_card(zoo.folder() / name).input.channels
        for count in args.rows:
            rows = torch.rand(count, channels, SIDES[name], SIDES[name])
            print(f"| {name} | {count} | {' | '.join(cells(source, rows))} |", flush=True)


if __name__ == "__main__":
    main()
