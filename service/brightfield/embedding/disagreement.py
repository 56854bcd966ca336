"""Labels that disagree with those of their neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Disagreement:
    """`scores` (N,): the share of the neighbours that have another label, 0 to 1. `suggested` (N,):
    the label of most neighbours; in a tie, the one whose neighbour is nearest."""

    scores: NDArray[np.float64]
    suggested: NDArray[np.int64]


def disagreement(rows: NDArray[np.int64], labels: NDArray[np.int64]) -> Disagreement:
    """From the k nearest others of every row (N, k), the nearest first, and labels (N,) as numbers
    from 0. (Wilson 1972, as a score)"""
    around = labels[rows]
    scores = np.mean(around != labels[:, None], axis=1)
    suggested = np.array([_majority(votes) for votes in around], np.int64)
    return Disagreement(scores, suggested)


def _majority(votes: NDArray[np.int64]) -> int:
    counts = np.bincount(votes)
    return int(votes[np.argmax(counts[votes])])
