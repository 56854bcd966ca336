from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from brightfield.embedding.copies import Dtype
from brightfield.embedding.principal import principal_components
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


LINE = np.random.default_rng(0).normal(size=(50, 1)) * np.random.default_rng(1).normal(size=(1, 20))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("offset", [0, 3])
def test_directions_of_rounding_are_no_directions(dtype: Dtype, offset: float) -> None:
    stored = (LINE + offset).astype(dtype).astype(np.float32)
    made = Pca().fit(stored, no_progress, dtype)
    assert np.ptp(made.points[:, 0]) > 1 and not made.points[:, 1].any()
    assert made.facts["explained_variance_ratio"][1] == 0
    (note,) = made.notes
    assert note.code == "few_directions" and "vary in 1 of the map's 2" in note.detail


def test_small_directions_beside_large_values_are_directions() -> None:
    data = np.random.default_rng(0).normal(size=(50, 3)) * [1, 1e-3, 0] + [0, 0, 2.0**24]
    assert not Pca().fit(data.astype(np.float32), no_progress).notes


def test_directions_that_vary_alike_are_named() -> None:
    (note,) = Pca().fit(np.eye(5, dtype=np.float32), no_progress).notes
    assert note.code == "equal_directions"


def test_the_sign_does_not_hang_on_rounding() -> None:
    """Both values of the component are as large but for their last digits."""
    along = np.linspace(-1, 1, 41)
    for tilt in (1e-12, -1e-12):
        data = np.stack([along, -along * (1 + tilt)], axis=1)
        first = principal_components(data, 1).components[0]  # type: ignore[arg-type]
        assert first[0] > 0 > first[1]
