"""How many rows a batch should have: measured, per operation and shape of a model."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

# A larger batch must be this much cheaper per row to be worth the longer wait of its first row.
_WORTH = 0.97
# The least of so many runs is what a size costs: others shared the machine with decoding.
_REMEMBERED = 16
_UNMEASURED = 8
_REVISIT = 32
# Operations and shapes that are remembered: images of any size make ever new ones.
_MOST_KINDS = 256

Seconds = dict[str, dict[int, float]]
"""Seconds of a batch by its size, for each operation and shape, as text."""


def _recent() -> defaultdict[int, deque[float]]:
    return defaultdict(lambda: deque(maxlen=_REMEMBERED))


@dataclass(slots=True)
class _Costs:
    runs: defaultdict[int, deque[float]] = field(default_factory=_recent)
    seconds: dict[int, float] = field(default_factory=dict)
    ceiling: int = 1
    seen: int = 0
    _best: int | None = None
    """The best size, until something is learnt that may change it."""

    @property
    def next(self) -> int:
        """The best size, and now and then its neighbours, since what they cost may have changed:
        warm-up may have met a busy machine."""
        best = self.best
        turn = self.seen % _REVISIT
        if turn == _REVISIT // 2:
            return max(1, best // 2)
        return min(2 * best, self.ceiling) if turn == _REVISIT - 1 else best

    @property
    def best(self) -> int:
        if self._best is None:
            self._best = self._chosen()
        return self._best

    def _chosen(self) -> int:
        """The smallest measured size that no larger one beats clearly; a step beyond the largest
        where that one is the best so far, since the next may be better still. Until a few are
        measured, a size that suits most models."""
        per_row = {s: t / s for s, t in sorted(self.seconds.items()) if s <= self.ceiling}
        if not per_row:
            return min(_UNMEASURED, self.ceiling)
        largest = max(per_row)
        best = min(per_row)
        for size, cost in per_row.items():
            if cost < _WORTH * per_row[best]:
                best = size
        if best < largest:
            return best
        return min(max(2 * best, _UNMEASURED), self.ceiling)

    def observe(self, rows: int, seconds: float) -> None:
        self.seen += 1
        self.runs[rows].append(seconds)
        least = min(self.runs[rows])
        if least != self.seconds.get(rows):
            self.seconds[rows] = least
            self._best = None

    def bound(self, rows: int) -> None:
        """Never more rows than so many."""
        self.ceiling = max(1, min(self.ceiling, rows))
        self._best = None


class BatchSizes:
    """Seconds of a forward pass by batch size (powers of two), and the size to close a batch at.

    `most` bounds the rows, `most_pixels` the rows times the values of one channel, which keeps
    large images from filling the memory. Of the operations and shapes that came last, 256 are
    remembered. Thread-safe.
    """

    def __init__(self, most: int = 64, most_pixels: int = 2**23) -> None:
        self._most = most
        self._most_pixels = most_pixels
        self._lock = threading.Lock()
        self._costs: OrderedDict[tuple[Hashable, tuple[int, ...]], _Costs] = OrderedDict()
        self._recalled: dict[str, dict[int, float]] = {}

    def recall(self, seconds: Mapping[str, Mapping[int, float]]) -> None:
        """Begin with what `measured` gave in an earlier process, instead of with nothing."""
        with self._lock:
            self._recalled = {kind: dict(costs) for kind, costs in seconds.items()}

    def best(self, operation: Hashable, shape: tuple[int, ...]) -> int:
        """Rows at which a batch of this operation and shape (C, H, W) is closed."""
        with self._lock:
            return self._of(operation, shape).next

    def observe(
        self, operation: Hashable, shape: tuple[int, ...], rows: int, seconds: float
    ) -> None:
        """Learn from a batch that ran; sizes between powers of two teach nothing comparable."""
        if rows & (rows - 1):
            return
        with self._lock:
            self._of(operation, shape).observe(rows, seconds)

    def forget(self, operation: Hashable) -> None:
        """Hold on no longer to an operation that isn't used, and to what its batches have cost."""
        with self._lock:
            for key in [key for key in self._costs if key[0] == operation]:
                del self._costs[key]

    def halve(self, operation: Hashable, shape: tuple[int, ...], rows: int) -> None:
        """The memory did not suffice for `rows`: from now on at most half of them."""
        with self._lock:
            self._of(operation, shape).bound(rows // 2)

    def compared(self, operation: Hashable, shape: tuple[int, ...]) -> bool:
        """Whether batches of more than one row were measured, so that the best is known."""
        with self._lock:
            costs = self._of(operation, shape)
            return costs.ceiling == 1 or max(costs.seconds, default=0) > 1

    def seconds_per_row(self, operation: Hashable, shape: tuple[int, ...]) -> float | None:
        """What a row costs at the best measured size; None before anything was measured."""
        with self._lock:
            costs = self._of(operation, shape)
            if not costs.seconds:
                return None
            return min(seconds / size for size, seconds in costs.seconds.items())

    def measured(self) -> Seconds:
        """What was measured, for people and for `recall`."""
        with self._lock:
            found = {
                _kind(operation, shape): dict(sorted(costs.seconds.items()))
                for (operation, shape), costs in self._costs.items()
                if costs.seconds
            }
            return {**self._recalled, **found}

    def _of(self, operation: Hashable, shape: tuple[int, ...]) -> _Costs:
        key = (operation, shape)
        costs = self._costs.get(key)
        if costs is None:
            pixels = max(1, shape[-1] * shape[-2] if len(shape) >= 2 else 1)
            ceiling = max(1, min(self._most, self._most_pixels // pixels))
            costs = self._costs[key] = _Costs(ceiling=1 << (ceiling.bit_length() - 1))
            for rows, seconds in self._recalled.pop(_kind(operation, shape), {}).items():
                costs.observe(rows, seconds)
            if len(self._costs) > _MOST_KINDS:
                self._costs.popitem(last=False)
        else:
            self._costs.move_to_end(key)
        return costs


def _kind(operation: Hashable, shape: tuple[int, ...]) -> str:
    return f"{operation} {'x'.join(map(str, shape))}"
