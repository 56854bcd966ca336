"""Stretches of equal labels along a flat array: the form in which labels are counted and painted.

A label image of a few million pixels has some ten thousand runs, so whatever is computed over
runs instead of pixels is fast and small.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.tensors import Indices

# Painting expands so many pixels at a time into indices of 8 bytes each.
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class LabelRuns:
    """(N,) each: the label of a run, the flat index of its first pixel, and its pixels."""

    labels: Indices
    starts: Indices
    lengths: Indices

    def __getitem__(self, chosen: NDArray[Any] | slice) -> LabelRuns:
        """Some of the runs, by a mask, by indices or by a slice."""
        return LabelRuns(self.labels[chosen], self.starts[chosen], self.lengths[chosen])


def find_runs(flat: NDArray[Any], row: int | None = None) -> LabelRuns:
    """Every run of a flat array in order, background included; cut at multiples of `row`."""
    if flat.size == 0:
        empty = np.zeros(0, np.int64)
        return LabelRuns(empty, empty, empty)
    begins = np.empty(flat.size, np.bool_)
    begins[0] = True
    np.not_equal(flat[1:], flat[:-1], out=begins[1:])
    if row is not None:
        begins[::row] = True
    starts = np.flatnonzero(begins)
    return LabelRuns(flat[starts].astype(np.int64), starts, np.diff(starts, append=flat.size))


def paint(runs: LabelRuns, size: int) -> NDArray[np.int32]:
    """(size,) with each run's label in its place and 0 elsewhere; where runs overlap, the last."""
    flat = np.zeros(size, np.int32)
    runs = _cut(runs, _CHUNK)
    before = np.cumsum(runs.lengths) - runs.lengths
    chunks = np.unique(before // _CHUNK, return_index=True)[1]
    for first, last in pairwise([*chunks.tolist(), before.size]):
        part = runs[first:last]
        offsets = np.repeat(part.starts - (np.cumsum(part.lengths) - part.lengths), part.lengths)
        offsets += np.arange(offsets.size)
        flat[offsets] = np.repeat(part.labels, part.lengths)
    return flat


def _cut(runs: LabelRuns, longest: int) -> LabelRuns:
    """The same pixels in runs of at most `longest`."""
    pieces = -(-runs.lengths // longest)
    index = np.repeat(np.arange(pieces.size), pieces)
    done = longest * (np.arange(index.size) - np.repeat(np.cumsum(pieces) - pieces, pieces))
    whole = runs[index]
    return LabelRuns(whole.labels, whole.starts + done, np.minimum(longest, whole.lengths - done))
