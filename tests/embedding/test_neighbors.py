"""Against a float64 search over everything that this project did not write a line of."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from brightfield.embedding import neighbors, vector_blocks
from brightfield.embedding.copies import Rounded
from brightfield.embedding.neighbors import Metric, graph, graph_with_copies, nearest
from brightfield.embedding.vector_blocks import VectorBlocks
from brightfield.errors import Cancelled
from brightfield.progress import Step


def brute(vectors: NDArray[np.float32], query: NDArray[np.float32], metric: Metric, k: int):  # type: ignore[no-untyped-def]
    away = cdist(query[None].astype(np.float64), vectors.astype(np.float64), metric)[0]
    order = np.argsort(away, kind="stable")[:k]
    return order, away[order]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_neighbours_are_those_of_a_float64_search(
    metric: Metric, offset: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far from the origin float32 products tell hardly anything apart."""
    monkeypatch.setattr(vector_blocks, "BLOCK_BYTES", 4 * 64 * 100)
    rng = np.random.default_rng(1)
    vectors = (offset + rng.normal(size=(1500, 64))).astype(np.float32)
    queries = (offset + rng.normal(size=(5, 64))).astype(np.float32)
    for query, found in zip(
        queries, nearest(VectorBlocks.of(vectors), queries, 20, metric), strict=True
    ):
        rows, distances = brute(vectors, query, metric, 20)
        assert found.rows.tolist() == rows.tolist()
        np.testing.assert_allclose(found.distances, distances, atol=1e-12, rtol=1e-9)


def test_one_query_and_many_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    kept, queries = VectorBlocks.of(rng.normal(size=(300, 8)).astype("f4")), rng.normal(size=(7, 8))
    queries = queries.astype(np.float32)
    together = nearest(kept, queries, 5)
    monkeypatch.setattr(neighbors, "_SCORE_BYTES", 1)
    for query, found in zip(queries, together, strict=True):
        (alone,) = nearest(kept, query[None], 5)
        assert alone.rows.tolist() == found.rows.tolist()


def test_filters_are_honoured_before_ranking() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(400, 16)).astype(np.float32)
    allowed = rng.random(400) < 0.1
    (found,) = nearest(VectorBlocks.of(vectors), vectors[:1], 10, allowed=allowed)
    rows, _ = brute(vectors[allowed], vectors[0], "cosine", 10)
    assert found.rows.tolist() == np.flatnonzero(allowed)[rows].tolist()


def test_fewer_rows_than_k_are_all_of_them_and_equals_go_by_row() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    (found,) = nearest(VectorBlocks.of(vectors), vectors[:1], 10)
    assert found.rows.tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.distances, [0, 0, 1], atol=1e-15)


def test_a_zero_vector_is_as_far_as_a_right_angle() -> None:
    vectors = np.array([[0, 0], [1, 0], [-1, 0]], np.float32)
    (found,) = nearest(VectorBlocks.of(vectors), vectors[1:2], 3)
    assert found.rows.tolist() == [1, 0, 2]
    np.testing.assert_allclose(found.distances, [0, 1, 2])


def test_the_graph_leaves_each_row_itself_out() -> None:
    vectors = np.random.default_rng(4).normal(size=(200, 5)).astype(np.float32)
    rows, distances = graph(VectorBlocks.of(vectors), 4, "euclidean")
    away = cdist(vectors.astype(float), vectors.astype(float))
    np.fill_diagonal(away, np.inf)
    np.testing.assert_array_equal(rows, np.argsort(away, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(away, axis=1)[:, :4], rtol=1e-12)


def test_work_that_nobody_waits_for_stops() -> None:
    def gone(step: Step) -> None:
        raise Cancelled("gone")

    with pytest.raises(Cancelled):
        graph(VectorBlocks.of(np.eye(4, dtype=np.float32)), 2, progress=gone)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_largest_values_are_still_ranked(metric: Metric) -> None:
    vectors = (1e15 * np.random.default_rng(5).uniform(-1, 1, (50, 1280))).astype(np.float32)
    (found,) = nearest(VectorBlocks.of(vectors), vectors[:1], 5, metric)
    assert found.rows.tolist() == brute(vectors, vectors[0], metric, 5)[0].tolist()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_smallest_values_are_still_ranked(metric: Metric) -> None:
    rng = np.random.default_rng(5)
    vectors = (1e-25 * rng.normal(size=(400, 16))).astype(np.float32)
    query = (1e-25 * rng.normal(size=16)).astype(np.float32)
    (found,) = nearest(VectorBlocks.of(vectors), query[None], 10, metric)
    rows, distances = brute(vectors, query, metric, 10)
    assert found.rows.tolist() == rows.tolist()
    np.testing.assert_allclose(found.distances, distances, rtol=1e-9)


@pytest.mark.parametrize("k", [2, 3, 7, 100])
def test_copies_are_searched_once_and_found_as_often_as_they_are_there(k: int) -> None:
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(40, 16)), 4, axis=0).astype(np.float32)
    vectors = rows[rng.permutation(160)]
    plain = graph(VectorBlocks.of(vectors), k, "euclidean")
    found = graph_with_copies(vectors, Rounded(vectors).copies(), k, "euclidean")
    np.testing.assert_array_equal(found, plain)


def test_the_neighbours_of_a_pile_are_the_pile() -> None:
    rows, distances = graph_with_copies(np.ones((5, 2), np.float32), np.zeros(5, np.int64), 3)
    assert rows.tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2]]
    assert not distances.any()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_vectors_are_equally_near_and_0_from_themselves(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        row, other = rng.normal(size=(2, 37)).astype(np.float32)
        stored = VectorBlocks.of(np.stack([row, *[other] * 9]))
        (found,) = nearest(stored, row[None], 4, metric)
        assert found.distances[0] == 0 and found.rows.tolist() == [0, 1, 2, 3]
        assert found.tied == 6
