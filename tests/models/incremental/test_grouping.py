from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from brightfield.models.incremental.grouping import grouped


def cost_of(groups: list[NDArray[np.int64]], sizes: NDArray[np.int64], cost: list[float]) -> float:
    return sum(3.0 + len(group) * float(sizes[group].max(axis=0) @ cost) for group in groups)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6))
def test_no_partition_of_the_order_is_cheaper(rows: list[tuple[int, int]]) -> None:
    sizes, cost = np.array(rows), [0.4, 1.1]
    groups = grouped(sizes, np.ones(len(sizes), np.int64), np.array(cost), 3.0)
    assert sorted(np.concatenate(groups)) == list(range(len(sizes)))
    order = np.lexsort((np.arange(len(sizes)), sizes @ cost))
    best = min(
        cost_of([np.array(part) for part in np.split(order, cuts)], sizes, cost)
        for count in range(len(sizes))
        for cuts in itertools.combinations(range(1, len(sizes)), count)
    )
    assert abs(cost_of(groups, sizes, cost) - best) < 1e-9


def test_patches_of_different_lengths_never_share_a_group() -> None:
    groups = grouped(np.ones((4, 1), np.int64), np.array([5, 5, 5, 3]), np.array([1e-9]), 1.0)
    assert [list(group) for group in groups] == [[0, 1, 2], [3]]
