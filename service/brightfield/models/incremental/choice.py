"""Plain or incremental: seconds of both, from what was counted and a little that was measured."""

from __future__ import annotations

from dataclasses import dataclass

from brightfield.models.incremental.schedule import Schedule, WindowChunk
from brightfield.models.incremental.work import RATES, whole_work

# Incremental must promise at least so much, since an estimate errs.
_MARGIN = 0.9


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Seconds of a whole map, the base pass included, both ways."""

    plain_s: float
    incremental_s: float

    @property
    def incremental(self) -> bool:
        """Whether the incremental way is worth it."""
        return self.incremental_s < _MARGIN * self.plain_s


def counted(schedule: Schedule) -> CostEstimate:
    """By counts and usual rates alone, without a measurement."""
    return CostEstimate(schedule.plain_work.seconds(), schedule.work.seconds())


def probe_chunk(schedule: Schedule) -> int:
    """Which of its chunks to measure: one of the kind that the most work is of."""
    seconds: dict[tuple[int, ...], float] = {}
    for chunk in schedule.chunks:
        seconds[chunk.kind] = seconds.get(chunk.kind, 0.0) + chunk.work.seconds()
    heaviest = max(seconds, key=lambda kind: seconds[kind])
    return next(i for i, chunk in enumerate(schedule.chunks) if chunk.kind == heaviest)


def estimate(
    schedule: Schedule, plain_row_s: float, chunk: WindowChunk, chunk_s: float
) -> CostEstimate:
    """From the seconds of a plain row in its best batch, and of one chunk that ran.

    The other chunks are taken to cost what they count, on the scale of the one that was measured.
    """
    scale = chunk_s / chunk.work.seconds()
    chunks = sum(other.work.seconds() for other in schedule.chunks) * scale
    windows = len(schedule.rows) * len(schedule.cols)
    return CostEstimate(plain_row_s * (windows + 1), chunks + _base_s(schedule, plain_row_s))


def _base_s(schedule: Schedule, plain_row_s: float) -> float:
    """A complete pass that also writes the canvases."""
    row = whole_work(schedule.graph, schedule.item).seconds()
    return plain_row_s * (1 + 2 * schedule.base_bytes * RATES.byte / row)
