"""Rows in canonical order keep their names."""

from __future__ import annotations

import numpy as np
import pytest

from brightfield.metrics.reading.predictions import Predictions
from brightfield.metrics.reading.rows import Origin


def predictions(truth, scores, origin=None):
    known = {} if origin is None else {"origin": origin}
    return Predictions(("0", "1"), truth, scores, None, None, None, **known)


@pytest.mark.parametrize("levels", [2, 7, 10_000])
def test_rows_that_were_sorted_by_score_are_known_by_their_places(levels):
    rng = np.random.default_rng(levels)
    truth = rng.integers(-1, 2, 300)  # -1: missing
    scores = rng.integers(0, levels, 300) / levels
    rows = predictions(truth, scores).rows("exclude")
    known = np.flatnonzero(truth >= 0)
    expected = known[np.lexsort((scores[known], truth[known]))]
    np.testing.assert_array_equal(rows.truth, truth[expected])
    np.testing.assert_array_equal(rows.scores, scores[expected])
    for asked in ([0], [5, 2, 2, rows.n - 1], range(rows.n)):
        assert rows.names(asked) == [{"row": place} for place in expected[list(asked)]]
    some = np.arange(0, rows.n, 3)
    assert rows.taken(some).names([1, 4]) == [{"row": place} for place in expected[[3, 12]]]


def test_rows_of_chunks_are_known_by_chunk_and_place():
    truth, scores = np.array([1, 0, 1, 0]), np.array([0.5, 0.2, 0.1, 0.2])
    rows = predictions(truth, scores, Origin.of({"a": 1, "b": 3})).rows("exclude")
    expected = [("b", 0), ("b", 2), ("b", 1), ("a", 0)]
    assert rows.names(range(4)) == [{"chunk": key, "row": row} for key, row in expected]
