"""Outliers: rows whose surroundings are sparser than those of their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Keeps the density of rows with k duplicates finite; scikit-learn's constant.
_LEAST = 1e-10


def outlier_factors(rows: NDArray[np.int64], distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The local outlier factor (N,) from the k nearest others of every row, (N, k) each.

    With the reachability r(i, j) = max(d(i, j), distance of j to its k-th nearest) and the density
    l(i) = 1 / mean over j of r(i, j), the factor is the mean of l(j) / l(i) over the k nearest j.
    About 1 inside a cluster; the larger, the more of an outlier. (Breunig et al. 2000)
    """
    reach = np.maximum(distances, distances[rows, -1])
    density = 1 / (reach.mean(axis=1) + _LEAST)
    return np.asarray((density[rows] / density[:, None]).mean(axis=1))
