"""The cases with the largest error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.blocks import blocks


def largest(errors: NDArray[np.float64], count: int) -> list[int]:
    """Places of the `count` largest positive errors, the largest first; of equals the first.

    NaN is no error.
    """
    if not count:
        return []
    found = [own.start + _best(errors[own], count) for own in blocks(errors.size)]
    places = np.concatenate([np.zeros(0, np.int64), *found])
    order = np.argsort(-errors[places], kind="stable")[:count]
    return [int(place) for place in places[order]]


def _best(errors: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Places of the `count` largest positive errors, and of those that are as large, ascending."""
    positive = np.flatnonzero(errors > 0)
    if positive.size <= count:
        return positive
    least = np.partition(errors[positive], -count)[-count]
    return np.asarray(positive[errors[positive] >= least])
