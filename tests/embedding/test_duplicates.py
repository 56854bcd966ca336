from __future__ import annotations

import numpy as np

from brightfield.embedding.duplicates import duplicates
from brightfield.embedding.neighbors import graph
from brightfield.embedding.vector_blocks import VectorBlocks


def test_groups_are_chains_of_close_pairs() -> None:
    places = [0, 0.1, 0.2, 5, 5, 9]
    vectors = np.array([[x, 0] for x in places], np.float32)
    found = duplicates(*graph(VectorBlocks.of(vectors), 2, "euclidean"), threshold=0.15)
    assert [group.tolist() for group in found.groups] == [[0, 1, 2], [3, 4]]
    np.testing.assert_allclose(found.distances[0], [0.1] * 3, rtol=1e-6)
    assert found.distances[1].tolist() == [0, 0]


def test_nothing_within_the_threshold_is_no_group() -> None:
    vectors = np.eye(4, dtype=np.float32)
    assert duplicates(*graph(VectorBlocks.of(vectors), 2), threshold=0.5).groups == []
