from __future__ import annotations

import numpy as np
import pytest

from brightfield.embedding.copies import Dtype, Rounded
from brightfield.embedding.vectors import unit

RNG = np.random.default_rng(0)
DIRECTION = RNG.normal(size=(1, 64))
MULTIPLES = (np.arange(1, 11)[:, None] * 0.37 * DIRECTION).astype(np.float32)
LARGE = np.stack([np.full(10, 2.0**24), np.arange(10)], axis=1).astype(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_multiples_of_a_direction_are_copies_once_they_have_length_1(dtype: Dtype) -> None:
    stored = MULTIPLES.astype(dtype).astype(np.float32)
    lengths = np.linalg.norm(stored.astype(float), axis=1)
    assert len(np.unique(unit(stored), axis=0)) > 1, "rounding tells none apart"
    assert not Rounded(unit(stored), dtype, lengths).copies().any()
    assert Rounded(stored, dtype).copies().tolist() == list(range(10))


@pytest.mark.parametrize(
    ("vectors", "first"),
    [
        ([[0.0, 1], [-0.0, 1], [0, 2]], [0, 0, 2]),
        (LARGE, list(range(10))),  # small values beside a large one that is the same everywhere
        (1e4 + 1e-3 * np.arange(8)[:, None], [0] * 8),  # below the spacing of float32 there
        (np.ones((1, 3)), [0]),
        (np.zeros((3, 2)), [0, 0, 0]),
    ],
)
def test_only_rounding_makes_copies(vectors: object, first: list[int]) -> None:
    assert Rounded(np.array(vectors, np.float32)).copies().tolist() == first


def test_large_groups_are_found_whole_wherever_they_lie() -> None:
    vectors = RNG.normal(size=(3000, 32)).astype(np.float32)
    vectors[1000:1500] = vectors[7] * RNG.uniform(0.1, 9, (500, 1)).astype(np.float32)
    vectors[1500:2500] = vectors[3]
    order = RNG.permutation(3000)
    shuffled = vectors[order]
    lengths = np.linalg.norm(shuffled.astype(float), axis=1)
    first = Rounded(unit(shuffled), "float32", lengths).copies()
    group = np.where(
        order < 1000, order, np.where(order < 1500, 7, np.where(order < 2500, 3, order))
    )
    for number in np.unique(group):
        rows = np.flatnonzero(group == number)
        assert (first[rows] == rows[0]).all()
