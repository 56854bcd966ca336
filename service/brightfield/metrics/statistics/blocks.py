"""Long columns some rows at a time, so that what is found on the way stays in a processor's cache.

Beyond the cache memory is what costs: a column of ten million numbers takes longer to be made than
to be summed.
"""

from __future__ import annotations

_ROWS = 65_536


def blocks(count: int) -> list[slice]:
    """All of so many rows, in order."""
    return [slice(start, min(count, start + _ROWS)) for start in range(0, count, _ROWS)]


# Numbers of one batch of weights: 1 MB, which stays in a processor's cache.
_BATCH = 131_072


def batches(count: int, units: int) -> list[tuple[int, int]]:
    """All of so many samples of `units` weights, in order, some at a time."""
    size = max(1, _BATCH // max(1, units))
    return [(start, min(start + size, count)) for start in range(0, count, size)]
