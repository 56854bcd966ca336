"""Plain or incremental: seconds of both, from what was counted and a little that was measured."""

from __future__ import annotations

from dataclasses import dataclass

from brightfield.models.incremental.schedule import Schedule, WindowChunk
from brightfield.models.incremental.work import RATES, whole_work

# Incremental must promise at least so much, since an estimate errs.
_MARGIN = 0.9
# Kinds of chunks of which a window is compared with a plain pass, for every image.
CHECKED = 3


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Seconds of a whole map both ways; the base pass and the plain passes that check the
    incremental way are included."""

    plain_s: float
    incremental_s: float

    @property
    def incremental(self) -> bool:
        """Whether the incremental way is worth it."""
        return self.incremental_s < _MARGIN * self.plain_s


def counted(schedule: Schedule) -> CostEstimate:
    """By counts and usual rates alone, without a measurement."""
    row = whole_work(schedule.graph, schedule.item).seconds()
    checked = row * _checking_rows(schedule)
    return CostEstimate(schedule.plain_work.seconds(), schedule.work.seconds() + checked)


def probe_chunks(schedule: Schedule) -> list[int]:
    """Which of its chunks to measure and to check: one of each of the kinds that the most work is
    of, the heaviest first, at most `CHECKED`."""
    seconds: dict[tuple[int, ...], float] = {}
    first: dict[tuple[int, ...], int] = {}
    for index, chunk in enumerate(schedule.chunks):
        seconds[chunk.kind] = seconds.get(chunk.kind, 0.0) + chunk.work.seconds()
        first.setdefault(chunk.kind, index)
    kinds = sorted(seconds, key=lambda kind: -seconds[kind])
    return [first[kind] for kind in kinds[:CHECKED]]


def _checking_rows(schedule: Schedule) -> int:
    """Plain passes of the check: of the whole image, and of a window of each of these chunks."""
    return 1 + len(probe_chunks(schedule))


def estimate(
    schedule: Schedule, plain_row_s: float, chunk: WindowChunk, chunk_s: float
) -> CostEstimate:
    """From the seconds of a plain row in its best batch, and of one chunk that ran.

    The other chunks are taken to cost what they count, on the scale of the one that was measured.
    """
    scale = chunk_s / chunk.work.seconds()
    chunks = sum(other.work.seconds() for other in schedule.chunks) * scale
    windows = len(schedule.rows) * len(schedule.cols)
    whole = _base_s(schedule, plain_row_s) + plain_row_s * _checking_rows(schedule)
    return CostEstimate(plain_row_s * (windows + 1), chunks + whole)


def _base_s(schedule: Schedule, plain_row_s: float) -> float:
    """A complete pass that also writes the canvases."""
    row = whole_work(schedule.graph, schedule.item).seconds()
    return plain_row_s * (1 + 2 * schedule.base_bytes * RATES.byte / row)
