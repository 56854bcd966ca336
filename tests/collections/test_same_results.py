"""The same results from the same vectors, in whichever order they came and in either database; and
what is said where vectors are equal, or rounding alone tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from numpy.typing import NDArray

from brightfield.collections.adding import CollectionStores
from brightfield.collections.projections import CollectionProjections
from brightfield.collections.quality import DataQuality, DuplicateSearch, LabelCheck, OutlierSearch
from brightfield.collections.queries import Clustering, CollectionQueries, Search
from brightfield.collections.services import projection_catalog
from brightfield.collections.vector_cache import VectorCache
from brightfield.errors import InvalidParameter
from brightfield.progress import no_progress
from brightfield.store.collections import Collections, Properties
from brightfield.store.database import open_database
from brightfield.store.items import Items, NewItem
from brightfield.store.projections import Projections

RNG = np.random.default_rng(0)
GAUSS = RNG.normal(size=(90, 12))
WITH_COPIES = np.concatenate([GAUSS[:60], np.repeat(GAUSS[60:65], 6, axis=0)])
MULTIPLES = np.arange(1, 31)[:, None] * 0.37 * GAUSS[:1]


class Space:
    """Collections of vectors alone, without models."""

    def __init__(self, database: sa.Engine) -> None:
        self._items = Items(database)
        self._collections = Collections(database)
        vectors = VectorCache(self._items, 2**20)
        stores = CollectionStores(self._collections, self._items, Projections(database), vectors)
        self.queries = CollectionQueries(stores)
        self.maps = CollectionProjections(self.queries, projection_catalog())
        self.quality = DataQuality(self.queries)

    def fill(
        self, name: str, vectors: Any, order: NDArray[np.int64] | None = None, **properties: Any
    ) -> None:
        self._collections.make(name, Properties(**properties))
        rows = np.asarray(vectors, np.float32)
        items = [
            NewItem(f"i{n:03}", f"s{n}", {"odd": bool(n % 2)}, rows[n])
            for n in (np.arange(len(rows)) if order is None else order).tolist()
        ]
        self._items.add(name, items)

    def map(self, name: str, method: str, **options: Any) -> dict[str, Any]:
        projection = projection_catalog()[method](**options)
        return self.maps.listed(self.maps.make(name, projection, None, no_progress))


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Space]:
    database = open_database(f"sqlite:///{tmp_path / 'brightfield.db'}")
    made = Space(database)
    yield made
    made.queries.close(10)
    database.dispose()


@pytest.fixture
def elsewhere(postgres_url: str) -> Iterator[Space]:
    database = open_database(postgres_url)
    made = Space(database)
    yield made
    made.queries.close(10)
    database.dispose()


def by_id(found: dict[str, Any], key: str) -> dict[str, Any]:
    return dict(zip(found["ids"], found[key], strict=True))


@pytest.mark.parametrize(
    ("method", "options"),
    [("pca", {}), ("tsne", {"iterations": 50}), ("tsne", {"iterations": 25, "components": 4})],
)
@pytest.mark.parametrize("vectors", [GAUSS, WITH_COPIES], ids=["different", "copies"])
def test_a_map_is_the_same_map(
    space: Space, elsewhere: Space, method: str, options: dict[str, Any], vectors: Any
) -> None:
    space.fill("one", vectors)
    space.fill("two", vectors, RNG.permutation(len(vectors)))
    elsewhere.fill("three", vectors, RNG.permutation(len(vectors)))
    made = [
        owner.map(name, method, **options)
        for owner, name in ((space, "one"), (space, "one"), (space, "two"), (elsewhere, "three"))
    ]
    assert len({each["digest"] for each in made}) == 1
    for axis in "xy":
        first, *others = (by_id(each["points"], axis) for each in made)
        assert all(other == first for other in others)


def test_clusters_are_the_same_clusters(space: Space, elsewhere: Space) -> None:
    space.fill("one", WITH_COPIES)
    elsewhere.fill("two", WITH_COPIES, RNG.permutation(len(WITH_COPIES)))
    asked = Clustering(k=4, runs=2)
    one = space.queries.clusters("one", asked, no_progress)
    two = elsewhere.queries.clusters("two", asked, no_progress)
    assert by_id(one, "labels") == by_id(two, "labels")
    assert (one["inertia"], one["clusters"]) == (two["inertia"], two["clusters"])
    for cluster in one["clusters"]:
        labels = by_id(one, "labels")
        assert {labels[name] for name in cluster["members"]} == {cluster["cluster"]}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_rounding_is_neither_clustered_nor_mapped(space: Space, dtype: str) -> None:
    space.fill("line", MULTIPLES, dtype=dtype)
    with pytest.raises(InvalidParameter, match="the 1 distinct vectors"):
        space.queries.clusters("line", Clustering(k=2), no_progress)
    with pytest.raises(InvalidParameter, match="All vectors are equal"):
        space.map("line", "tsne")
    one = space.queries.clusters("line", Clustering(k=1), no_progress)
    assert one["silhouette"]["value"] is None and one["clusters"][0]["size"] == 30
    assert [each["code"] for each in one["warnings"]] == ["copies"]


def test_what_rounding_tells_apart_lies_together_on_a_map(space: Space) -> None:
    rows = np.concatenate([GAUSS[:60], np.arange(1, 41)[:, None] * 0.37 * GAUSS[60:61]])
    space.fill("pile", rows)
    made = space.map("pile", "pca")
    assert made["warnings"] == []  # PCA looks at the lengths as well
    made = space.map("pile", "tsne", iterations=50)
    (note,) = made["warnings"]
    assert note["code"] == "copies" and "40 of the 100 items" in note["detail"]
    view = space.maps.listed(space.maps.get("pile", made["id"]))
    assert view["warnings"] == made["warnings"]


def test_items_beside_a_pile_of_copies_are_no_outliers_for_that(space: Space) -> None:
    far = np.full((1, 12), 9.0)
    space.fill("pile", np.concatenate([GAUSS[:50], np.repeat(GAUSS[50:51], 30, 0), far]),
               metric="euclidean")  # fmt: skip
    found = space.quality.outliers("pile", OutlierSearch(k=5, most=81), no_progress)
    assert found["outliers"][0]["id"] == "i080"
    assert max(each["score"] for each in found["outliers"]) < 10
    (note,) = found["warnings"]
    assert "30 of the 81 items" in note["detail"] and "k = 5" in note["detail"]
    few = space.quality.outliers("pile", OutlierSearch(k=29, most=81), no_progress)
    assert few["k"] == 29 and few["warnings"]
    plain = space.quality.outliers("pile", OutlierSearch(k=30), no_progress)
    assert plain["warnings"] == []


def test_of_copies_alone_none_is_an_outlier(space: Space) -> None:
    space.fill("equal", np.ones((9, 3)))
    found = space.quality.outliers("equal", OutlierSearch(k=2), no_progress)
    assert {each["score"] for each in found["outliers"]} == {1.0} and found["k"] == 0
    assert [each["code"] for each in found["warnings"]] == ["copies"]


def zeros(space: Space) -> None:
    space.fill("zeros", np.concatenate([np.zeros((3, 12)), GAUSS[:20]]))


CHECKS: dict[str, Callable[[Space], dict[str, Any]]] = {
    "clusters": lambda s: s.queries.clusters("zeros", Clustering(k=2), no_progress),
    "outliers": lambda s: s.quality.outliers("zeros", OutlierSearch(k=5), no_progress),
    "duplicates": lambda s: s.quality.duplicates("zeros", DuplicateSearch(), no_progress),
    "labels": lambda s: s.quality.disagreements("zeros", LabelCheck(by="odd"), no_progress),
    "map": lambda s: s.map("zeros", "tsne", iterations=25),
    "neighbors": lambda s: s.queries.neighbors("zeros", Search(k=3), None, "i001", None),
}


@pytest.mark.parametrize("check", CHECKS)
def test_vectors_without_a_direction_are_named(space: Space, check: str) -> None:
    zeros(space)
    assert "zero_vectors" in [each["code"] for each in CHECKS[check](space)["warnings"]]


def test_equally_near_items_that_are_left_out_are_counted(space: Space) -> None:
    space.fill("pile", np.concatenate([np.repeat(GAUSS[:1], 30, 0), GAUSS[1:9]]))
    found = space.queries.neighbors("pile", Search(k=5), None, "i010", None)
    assert [each["id"] for each in found["neighbors"]] == [f"i00{n}" for n in range(5)]
    (note,) = found["warnings"]
    assert note["code"] == "equally_near" and note["detail"].startswith("24 further items")
    assert not space.queries.neighbors("pile", Search(k=29), None, "i010", None)["warnings"]
    labels = space.quality.disagreements("pile", LabelCheck(by="odd", k=5), no_progress)
    assert [each["code"] for each in labels["warnings"]] == ["copies"]


def test_groups_that_may_be_parts_of_one_are_named(space: Space) -> None:
    """Two lots of twelve within the threshold, of which each item has more than k near it."""
    lot = 1e-3 * RNG.normal(size=(24, 12))
    lot[12:, 0] += 0.05
    space.fill("lots", lot, metric="euclidean")
    asked = DuplicateSearch(threshold=0.1, k=5)
    found = space.quality.duplicates("lots", asked, no_progress)
    assert [len(group) for group in found["groups"]] == [12, 12]
    assert [each["code"] for each in found["warnings"]] == ["groups_may_be_parts"]
    whole = space.quality.duplicates("lots", DuplicateSearch(threshold=0.1, k=12), no_progress)
    assert [len(group) for group in whole["groups"]] == [24] and not whole["warnings"]


def test_a_map_outlives_its_items(space: Space) -> None:
    space.fill("going", GAUSS[:20])
    made = space.map("going", "pca")
    items = space.queries.stores.items
    items.delete("going", made["points"]["ids"][2:])
    items.add("going", [NewItem("new", "s", {}, GAUSS[30].astype(np.float32))])
    left = space.maps.listed(space.maps.get("going", made["id"]))
    assert left["points"]["ids"] == made["points"]["ids"][:2] and left["placed"] == []
    assert [each["code"] for each in left["warnings"]] == ["items_not_placed"]
    items.delete("going", ["new", *left["points"]["ids"]])
    assert space.maps.listed(space.maps.get("going", made["id"]))["points"]["ids"] == []
