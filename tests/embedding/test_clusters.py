from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import silhouette_score

from brightfield.embedding.clusters import kmeans
from brightfield.errors import InvalidParameter


def test_the_known_inertia_of_iris() -> None:
    found = kmeans(load_iris().data, 3)
    assert found.inertia == pytest.approx(78.851441, abs=5e-7)
    assert sorted(found.sizes.tolist()) == [38, 50, 62]


def test_the_clusters_are_those_of_scikit_learn() -> None:
    data = load_digits().data.astype(np.float32)
    found = kmeans(data, 10, seed=3, runs=4)
    theirs = KMeans(10, n_init=4, random_state=3).fit(data)
    np.testing.assert_array_equal(found.labels, theirs.labels_)
    np.testing.assert_array_equal(found.centers, theirs.cluster_centers_)
    assert found.inertia == pytest.approx(theirs.inertia_, rel=1e-5)
    assert found.sampled == len(data)
    assert found.silhouette == pytest.approx(silhouette_score(data, theirs.labels_), abs=1e-6)


def test_the_members_are_the_nearest_of_their_own_cluster() -> None:
    data = load_iris().data
    found = kmeans(data, 3, nearest=4)
    away = np.linalg.norm(data[:, None] - found.centers[None], axis=2)
    for cluster, members in enumerate(found.members):
        inside = np.flatnonzero(found.labels == cluster)
        expected = inside[np.argsort(away[inside, cluster], kind="stable")[:4]]
        assert members.tolist() == expected.tolist()


def test_more_clusters_than_vectors_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="3 vectors"):
        kmeans(np.eye(3, dtype=np.float32), 4)
    with pytest.raises(InvalidParameter, match="1 distinct"):
        kmeans(np.ones((3, 2), np.float32), 2)


def test_a_cluster_for_each_vector_has_no_silhouette() -> None:
    found = kmeans(np.eye(3, dtype=np.float32), 3)
    assert found.silhouette is None and found.inertia == 0
