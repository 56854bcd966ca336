from __future__ import annotations

import numpy as np
import pytest

from brightfield.embedding.vectors import checked, unit
from brightfield.errors import InvalidVectors


def test_rows_of_numbers_become_float32() -> None:
    vectors = checked([[1, 2.5], [3, 4]], 2)
    assert vectors.dtype == np.float32 and vectors.tolist() == [[1, 2.5], [3, 4]]


@pytest.mark.parametrize(
    ("given", "phrase"),
    [
        ([[1, 2], [3]], "all of one length"),
        ([["a", "b"]], "rows of numbers"),
        ([1, 2, 3], "N rows of D"),
        ([[1, 2, 3]], "have 3 values and those of the collection 2"),
        ([[1, 2], [float("nan"), 0]], "1 of 2 vectors"),
        ([[1, 2], [1e39, 0]], "1 of 2 vectors"),
        ([[1, 2], [-2e15, 0]], "beyond 1e"),
    ],
)
def test_what_is_no_vector_is_refused_in_words(given: object, phrase: str) -> None:
    with pytest.raises(InvalidVectors, match=phrase):
        checked(given, 2)


def test_the_rows_that_are_not_finite_are_named() -> None:
    with pytest.raises(InvalidVectors) as caught:
        checked([[0, 0], [np.inf, 0], [0, np.nan]])
    assert [error["location"] for error in caught.value.errors] == ["vectors.1", "vectors.2"]


def test_unit_rows_have_length_one_and_zeros_stay() -> None:
    scaled = unit(np.array([[3, 4], [0, 0]], np.float32))
    np.testing.assert_allclose(scaled, [[0.6, 0.8], [0, 0]], rtol=1e-7)
