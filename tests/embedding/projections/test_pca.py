from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from brightfield.embedding.projections.pca import Pca
from brightfield.progress import no_progress


@pytest.mark.parametrize("count", [1797, 40])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_map_is_scikit_learns(count: int, dimensions: int) -> None:
    data = load_digits().data[:count].astype(np.float32)
    made = Pca(dimensions=dimensions).fit(data, no_progress)
    theirs = PCA(dimensions, svd_solver="full").fit(data.astype(np.float64))
    np.testing.assert_allclose(made.points, theirs.transform(data), atol=1e-5)
    np.testing.assert_allclose(
        made.facts["explained_variance_ratio"], theirs.explained_variance_ratio_, rtol=1e-9
    )


def test_new_items_fall_where_they_belong() -> None:
    data = load_digits().data.astype(np.float32)
    made = Pca().fit(data[:1000], no_progress)
    placed = Pca().place(made, data[:1000], data[:5], no_progress)
    np.testing.assert_allclose(placed, made.points[:5], atol=1e-4)
