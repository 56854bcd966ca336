from __future__ import annotations

import numpy as np
from sklearn.neighbors import LocalOutlierFactor

from brightfield.embedding.neighbors import graph
from brightfield.embedding.outliers import outlier_factors
from brightfield.embedding.vector_blocks import VectorBlocks


def test_the_factors_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(200, 6)), [[9] * 6]]).astype(np.float32)
    factors = outlier_factors(*graph(VectorBlocks.of(vectors), 15, "euclidean"))
    theirs = LocalOutlierFactor(15, algorithm="brute").fit(vectors.astype(float))
    np.testing.assert_allclose(factors, -theirs.negative_outlier_factor_, rtol=1e-9)
    assert factors.argmax() == 200
