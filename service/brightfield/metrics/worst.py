"""The cases with the largest error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def largest(errors: NDArray[np.float64], count: int) -> list[int]:
    """Places of the `count` largest positive errors, the largest first; of equals the first.

    NaN is no error.
    """
    positive = np.flatnonzero(errors > 0)
    if not count or not positive.size:
        return []
    if positive.size > count:
        least = np.partition(errors[positive], -count)[-count]
        positive = positive[errors[positive] >= least]
    order = np.argsort(-errors[positive], kind="stable")[:count]
    return [int(place) for place in positive[order]]
