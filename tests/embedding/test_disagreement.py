from __future__ import annotations

import numpy as np

from brightfield.embedding.disagreement import disagreement
from brightfield.embedding.neighbors import graph
from brightfield.embedding.vector_blocks import VectorBlocks


def test_a_wrong_label_stands_out_with_the_right_one() -> None:
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(0, 1, (30, 4)), rng.normal(20, 1, (30, 4))])
    labels = np.repeat([0, 1], 30)
    labels[7] = 1
    rows, _ = graph(VectorBlocks.of(vectors.astype(np.float32)), 5, "euclidean")
    found = disagreement(rows, labels)
    assert found.scores.argmax() == 7 and found.scores[7] == 1
    assert found.suggested[7] == 0
    assert (found.scores[30:] == 0).all()


def test_of_equal_votes_the_nearest_neighbours_label_is_suggested() -> None:
    rows = np.array([[1, 2], [0, 2], [1, 0]])
    found = disagreement(rows, np.array([2, 1, 0]))
    assert found.suggested.tolist() == [1, 2, 1]
