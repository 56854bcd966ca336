"""Which positions share a bucket, so that those at a border do not pay for the widest."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from brightfield.tensors import Indices

PatchSizes = NDArray[np.int64]
"""(positions, layers): how much of every layer each position's patch can have changed."""


def grouped(
    sizes: PatchSizes, patches: Indices, cost: NDArray[np.float64], overhead: float
) -> list[Indices]:
    """The positions of one axis, in groups that are computed with the size of their widest.

    A group costs `overhead` + (positions in it) sum over layers of (`cost` x widest size). Along
    the order by that sum, the cheapest partition into neighbours is found by dynamic programming.
    Patches of different lengths never share a group: what hides must not grow.
    """
    groups: list[Indices] = []
    for length in np.unique(patches):
        members = np.flatnonzero(patches == length)
        order = members[np.lexsort((members, sizes[members] @ cost))]
        parts = _partition(sizes[order], cost, overhead)
        groups.extend(np.sort(order[part]) for part in parts)
    return sorted(groups, key=lambda group: int(group[0]))


def _partition(sizes: PatchSizes, cost: NDArray[np.float64], overhead: float) -> list[slice]:
    """The cheapest cut of the rows of `sizes` into runs."""
    kinds, starts = _kinds(sizes)
    best = np.zeros(len(kinds) + 1)
    origin = np.zeros(len(kinds) + 1, np.int64)
    for stop in range(1, len(kinds) + 1):
        widest = np.maximum.accumulate(kinds[:stop][::-1], axis=0)[::-1]
        totals = best[:stop] + overhead + (starts[stop] - starts[:stop]) * (widest @ cost)
        origin[stop] = int(totals.argmin())
        best[stop] = totals[origin[stop]]
    cuts = [len(kinds)]
    while cuts[-1]:
        cuts.append(int(origin[cuts[-1]]))
    edges = [int(starts[cut]) for cut in reversed(cuts)]
    return [slice(low, high) for low, high in pairwise(edges)]


def _kinds(sizes: PatchSizes) -> tuple[PatchSizes, Indices]:
    """Runs of equal rows: one row of each, and where they start, with the end."""
    new = np.r_[True, (sizes[1:] != sizes[:-1]).any(axis=1)]
    starts = np.flatnonzero(new)
    return sizes[starts], np.r_[starts, len(sizes)]
