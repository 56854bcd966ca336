"""Plain or incremental: seconds of both, from what was counted and a little that was measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from brightfield.models.incremental.schedule import Chunk, Schedule
from brightfield.models.incremental.work import RATES, whole_work
from brightfield.tensors import Images

# Incremental must promise at least so much, since an estimate errs.
_MARGIN = 0.9


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds of a whole map, the base pass included, both ways."""

    plain_s: float
    incremental_s: float

    @property
    def incremental(self) -> bool:
        """Whether the incremental way is worth it."""
        return self.incremental_s < _MARGIN * self.plain_s


def probe_chunk(schedule: Schedule) -> Chunk:
    """The chunk to measure: of the kind that the most work is of."""
    seconds: dict[tuple[int, ...], float] = {}
    for chunk in schedule.chunks:
        seconds[chunk.kind] = seconds.get(chunk.kind, 0.0) + chunk.work.seconds()
    heaviest = max(seconds, key=lambda kind: seconds[kind])
    return next(chunk for chunk in schedule.chunks if chunk.kind == heaviest)


def estimate(schedule: Schedule, plain_row_s: float, chunk: Chunk, chunk_s: float) -> Estimate:
    """From the seconds of a plain row in its best batch, and of one chunk that ran.

    The other chunks are taken to cost what they count, on the scale of the one that was measured.
    """
    scale = chunk_s / chunk.work.seconds()
    chunks = sum(other.work.seconds() for other in schedule.chunks) * scale
    windows = len(schedule.rows) * len(schedule.cols)
    return Estimate(plain_row_s * (windows + 1), chunks + _base_s(schedule, plain_row_s))


def choose(
    schedule: Schedule,
    module: nn.Module,
    image: Images,
    fill: Images,
    batches: tuple[int, ...] = (1, 2, 4, 8),
) -> Estimate:
    """Measure both ways on `image` (1, C, H, W): plain at the best of `batches`, and one chunk.

    Each is timed twice and the faster time counts, since the first run of a shape includes its
    one-time costs.
    """
    plain_row_s = min(_plain_row_s(module, image, rows) for rows in batches)
    chunk, base = probe_chunk(schedule), schedule.base(image)
    return estimate(
        schedule, plain_row_s, chunk, _timed(lambda: chunk.run(base, fill), image.device)
    )


def _plain_row_s(module: nn.Module, image: Images, rows: int) -> float:
    batch = image.expand(rows, -1, -1, -1).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        return _timed(lambda: module(batch), image.device) / rows


def _timed(run: Callable[[], Any], device: torch.device) -> float:
    seconds: list[float] = []
    for _ in range(2):
        start = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _base_s(schedule: Schedule, plain_row_s: float) -> float:
    """A complete pass that also writes the canvases."""
    row = whole_work(schedule.graph, schedule.item).seconds()
    return plain_row_s * (1 + 2 * schedule.base_bytes * RATES.byte / row)
