"""Duplicates and near duplicates: rows that are closer together than a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Duplicates:
    """Rows that are chained by pairs within the threshold, in groups of two or more: the largest
    first, each in the order of the rows. `distances` are those to the group's nearest other."""

    groups: list[NDArray[np.int64]]
    distances: list[NDArray[np.float64]]


def duplicates(
    rows: NDArray[np.int64], distances: NDArray[np.float64], threshold: float
) -> Duplicates:
    """From the nearest others of every row, rows and distances (N, k), and the largest distance
    of a duplicate. A row that has more than k duplicates is chained by those k."""
    count = len(rows)
    row, column = np.nonzero(distances <= threshold)
    links = scipy.sparse.coo_array(
        (np.ones(len(row), bool), (row, rows[row, column])), shape=(count, count)
    )
    _, labels = scipy.sparse.csgraph.connected_components(links, directed=False)
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    found = sorted(
        (group for group in groups if len(group) > 1), key=lambda group: (-len(group), group[0])
    )
    return Duplicates(found, [distances[group, 0] for group in found])
