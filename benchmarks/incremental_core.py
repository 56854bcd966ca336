"""Incremental occlusion against plain, map for map, base pass included.

    python benchmarks/incremental_core.py [--threads 2] [--rounds 3] [--quick]

The plain side runs every occluded image through the model, channels last, at the fastest of the
batch sizes that it is tried with; the incremental side is everything that follows tracing and
planning, which are done once per model and grid and are reported beside. Both run in this process,
in turns: in each round, a part of the plain map and the whole incremental one. The least time per
window counts on both sides, and the scores of the windows that both computed are compared.

Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models

from brightfield.images.windows import WindowGrid, window_grid
from brightfield.models.incremental import IncrementalPlan, Schedule, trace

CASES = (("vgg16", 224, 32, 16), ("resnet18", 224, 32, 16), ("resnet18", 1024, 64, 32))
MORE = tuple(
    (name, 224, 32, 16) for name in ("alexnet", "densenet121", "googlenet", "mobilenet_v2")
)


@dataclass(frozen=True)
class Measured:
    """Seconds of whole maps, and the greatest difference by the range of the scores."""

    plain: float
    incremental: float
    difference: float
    batch: int


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="without the case of 1024 px")
    parser.add_argument("--more", action="store_true", help="the other families, too")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    for name, side, window, stride in (*(CASES[:2] if given.quick else CASES), *MORE * given.more):
        torch.manual_seed(0)
        module = network(name)
        image = torch.randn(1, 3, side, side).contiguous(memory_format=torch.channels_last)
        grid = window_grid((side, side), (window, window), (stride, stride), "shift")
        schedule, traced = planned(module, image, grid)
        found = measure(module, image, grid, schedule, given.rounds)
        print(line(f"{name} {side} px, window {window}, stride {stride}", schedule, found, traced))


def network(name: str) -> nn.Module:
    more = {"init_weights": False} if name == "googlenet" else {}
    module = models.get_model(name, **more).eval().requires_grad_(False)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    return module.to(memory_format=torch.channels_last)


def planned(module: nn.Module, image: Tensor, grid: WindowGrid) -> tuple[Schedule, float]:
    start = time.perf_counter()
    plan = trace(module, image)
    if not isinstance(plan, IncrementalPlan):
        raise SystemExit(plan.reason)
    return plan.schedule(grid.rows, grid.cols), time.perf_counter() - start


def measure(
    module: nn.Module, image: Tensor, grid: WindowGrid, schedule: Schedule, rounds: int
) -> Measured:
    fill = torch.zeros_like(image)
    windows = len(grid.rows) * len(grid.cols)
    batches = [rows for rows in (1, 2, 4, 8, 16) if rows * image.shape[2] ** 2 <= 2**20] or [1]
    plain = dict.fromkeys(batches, math.inf)
    quickest, scores, wanted = math.inf, torch.empty(0), {}
    for _ in range(rounds):
        for rows in batches:
            hidden, places = occluded(image, fill, grid, rows)
            seconds, output = timed(lambda hidden=hidden: module(hidden))
            plain[rows] = min(plain[rows], seconds / rows)
            wanted.update(zip(places, output, strict=True))
        seconds, scores = timed(lambda: whole_map(schedule, image, fill))
        quickest = min(quickest, seconds)
    batch = min(plain, key=lambda rows: plain[rows])
    span = float(scores.max() - scores.min())
    worst = max(float((scores[y, x] - row).abs().max()) for (y, x), row in wanted.items())
    return Measured(plain[batch] * (windows + 1), quickest, worst / span, batch)


def occluded(
    image: Tensor, fill: Tensor, grid: WindowGrid, rows: int
) -> tuple[Tensor, list[tuple[int, int]]]:
    """The first windows of a grid, one image each, and where they stand in it."""
    places = list(islice(product(range(len(grid.rows)), range(len(grid.cols))), rows))
    hidden = image.repeat(len(places), 1, 1, 1).contiguous(memory_format=torch.channels_last)
    for row, (y, x) in zip(hidden, places, strict=True):
        area = (..., slice(*grid.rows[y]), slice(*grid.cols[x]))
        row[area] = fill[0][area]
    return hidden, places


def whole_map(schedule: Schedule, image: Tensor, fill: Tensor) -> Tensor:
    """(rows, columns, classes)."""
    base = schedule.base(image)
    scores = image.new_empty(len(schedule.rows), len(schedule.cols), base.output.shape[1])
    for chunk in schedule.chunks:
        shape = (len(chunk.rows), len(chunk.columns), -1)
        rows, columns = torch.as_tensor(chunk.rows)[:, None], torch.as_tensor(chunk.columns)
        scores[rows, columns] = chunk.run(base, fill).reshape(shape)
    return scores


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    with torch.inference_mode():
        start = time.perf_counter()
        output = run()
        return time.perf_counter() - start, output


def line(case: str, schedule: Schedule, found: Measured, traced: float) -> str:
    counted = schedule.plain_work.multiply_adds / schedule.work.multiply_adds
    return (
        f"{case}: {found.plain / found.incremental:.2f} times "
        f"({found.plain:.2f} s plain in batches of {found.batch}, {found.incremental:.2f} s; "
        f"{counted:.2f} by operations; traced in {traced:.2f} s; base "
        f"{schedule.base_bytes / 2**20:.0f} MiB; scores differ by {found.difference:.1e})"
    )


if __name__ == "__main__":
    main()
