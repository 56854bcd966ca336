"""How much a map of t-SNE differs from the neighbourhoods that it is to show."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from brightfield.progress import STILL_WANTED, Progress, no_progress

SAMPLE = 10_000
"""Points of which so many are looked at for the sum over all pairs, where there are more."""

_AT_ONCE = 256


def divergence(
    likeness: scipy.sparse.csr_matrix,
    points: NDArray[np.float64],
    *,
    sample: int = SAMPLE,
    seed: int = 0,
    progress: Progress = no_progress,
) -> float:
    """KL(P || Q) = sum over pairs of p log(p / q), with q = w / sum of w and w = 1 / (1 + d^2).

    `likeness` (N, N) is P, of sum 1, and d the distance on the map. At least 0, and exact for as
    many points as `sample`, equal ones included; for more the sum of w is that of so many rows,
    drawn with the seed. (van der Maaten and Hinton 2008)
    """
    pairs = likeness.tocoo()
    some = pairs.data > 0
    shares, ends = pairs.data[some], (pairs.row[some], pairs.col[some])
    apart = np.square(points[ends[0]] - points[ends[1]]).sum(axis=1)
    total = _pair_sum(points, sample, seed, progress)
    return float((shares * (np.log(shares) + np.log1p(apart))).sum() + np.log(total))


def _pair_sum(points: NDArray[np.float64], sample: int, seed: int, progress: Progress) -> float:
    """The sum of w over all pairs of different points."""
    rows = np.arange(len(points))
    if len(rows) > sample:
        rows = np.random.default_rng(seed).choice(rows, sample, replace=False)
    total = 0.0
    for start in range(0, len(rows), _AT_ONCE):
        progress(STILL_WANTED)
        some = points[rows[start : start + _AT_ONCE]]
        # A point's w with itself is 1.
        total += float(
            (1 / (1 + scipy.spatial.distance.cdist(some, points, "sqeuclidean"))).sum()
        ) - len(some)
    return total * len(points) / len(rows)
