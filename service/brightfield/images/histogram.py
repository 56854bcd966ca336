"""How often each value occurs in a plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.tensors import Pixels

_AT_ONCE = 1 << 22
_MOST_COUNTED = 1 << 16


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in bins of equal width, the same for all channels: `counts` (C, B).

    Bin i has the values from `start + i * step` up to the next bin's; the last one has its end,
    too, in float images. `finite` values were counted of each channel. Without any finite value
    `start` and `step` are 0 and there are no bins.
    """

    start: float
    step: float
    counts: NDArray[np.int64]
    finite: NDArray[np.int64]


def histogram(pixels: Pixels, bins: int) -> Histogram:
    """The exact histogram of (H, W, C) in at most so many bins from the least to the greatest
    finite value. Bins of whole numbers are a whole number wide, so that none has more values than
    its neighbours. Source: numpy.histogram, whose bins these are.
    """
    channels = [pixels[..., c] for c in range(pixels.shape[2])]
    ends = [_ends(channel) for channel in channels]
    known = [pair for pair in ends if pair is not None]
    if not known:
        nothing = np.zeros((len(channels), 0), np.int64)
        return Histogram(0.0, 0.0, nothing, np.zeros(len(channels), np.int64))
    low, high = min(pair[0] for pair in known), max(pair[1] for pair in known)
    if pixels.dtype.kind in "ui":
        low, high = int(low), int(high)
        step = -(-(high - low + 1) // bins)
        edges = [low + i * step for i in range((high - low) // step + 2)]
        counts = np.stack([_of_whole(channel, edges, step) for channel in channels])
        return Histogram(float(low), float(step), counts, counts.sum(axis=1))
    if not high > low:
        high = low + max(1.0, abs(low) * 1e-6)
    counts = np.stack([_of_floats(channel, low, high, bins) for channel in channels])
    return Histogram(low, (high - low) / bins, counts, counts.sum(axis=1))


def _ends(channel: Pixels) -> tuple[float, float] | None:
    if channel.dtype.kind in "ui":
        return channel.min().item(), channel.max().item()
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(channel)
    if not finite.any():
        return None
    return (
        float(channel.min(where=finite, initial=np.inf)),
        float(channel.max(where=finite, initial=-np.inf)),
    )


def _of_whole(channel: Pixels, edges: list[int], step: int) -> NDArray[np.int64]:
    """Each value is counted on its own where there are few, which is many times as quick."""
    low, count = edges[0], len(edges) - 1
    found = np.zeros(count, np.int64)
    wide = count * step > _MOST_COUNTED
    for part in _parts(channel):
        if wide:
            above = (part.astype(np.float64) - low) // step
            found += np.bincount(above.astype(np.int64), minlength=count)
        else:
            each = np.bincount(part.astype(np.int64) - low, minlength=count * step)
            found += each.reshape(count, step).sum(axis=1)
    return found


def _of_floats(channel: Pixels, low: float, high: float, bins: int) -> NDArray[np.int64]:
    found = np.zeros(bins, np.int64)
    for part in _parts(channel):
        values = part[np.isfinite(part)].astype(np.float64)
        found += np.histogram(values, bins, (low, high))[0]
    return found


def _parts(channel: Pixels) -> list[Pixels]:
    rows = max(1, _AT_ONCE // max(1, channel.shape[1]))
    return [channel[at : at + rows].ravel() for at in range(0, len(channel), rows)]
