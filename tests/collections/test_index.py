"""Neighbours by an index in PostgreSQL, beside those of the exact search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from brightfield.collections import index as indexing
from brightfield.collections.adding import CollectionStores
from brightfield.collections.index import CollectionIndexes, IndexOptions
from brightfield.collections.queries import CollectionQueries, Search
from brightfield.collections.vector_cache import VectorCache
from brightfield.embedding.neighbors import Metric
from brightfield.errors import InvalidVectors, TooFewItems, UnknownIndex
from brightfield.progress import no_progress
from brightfield.store.collections import Collections, Properties
from brightfield.store.database import open_database
from brightfield.store.items import Items, NewItem
from brightfield.store.projections import Projections
from brightfield.store.vector_index import VectorIndexes

Vectors = NDArray[np.float32]
Fill = Callable[..., None]


@pytest.fixture
def database(postgres_url: str) -> Iterator[sa.Engine]:
    engine = open_database(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def work(database: sa.Engine) -> Iterator[CollectionIndexes]:
    items = Items(database)
    stores = CollectionStores(
        Collections(database), items, Projections(database), VectorCache(items, 2**30)
    )
    queries = CollectionQueries(stores)
    yield CollectionIndexes(queries, VectorIndexes(database))
    queries.close(10)


@pytest.fixture
def fill(database: sa.Engine) -> Fill:
    def add(vectors: Vectors, first: int = 0, metric: Metric = "cosine") -> None:
        Collections(database).make("cells", Properties(metric=metric))
        made = [
            NewItem(f"i{n}", "s", {"even": n % 2 == 0}, vector)
            for n, vector in enumerate(vectors.astype(np.float32), first)
        ]
        Items(database).add("cells", made)

    return add


def ask(
    work: CollectionIndexes, query: Any, item_id: str | None = None, **search: Any
) -> dict[str, Any]:
    given = None if query is None else [list(map(float, query))]
    return work.neighbors("cells", Search(**search), given, item_id, None, no_progress)


def same(near: dict[str, Any], exact: dict[str, Any]) -> None:
    """The same items at the same distances, but for the last bit of a product of matrices."""
    pairs = zip(near["neighbors"], exact["neighbors"], strict=True)
    assert all(one["id"] == other["id"] for one, other in pairs)
    found, wanted = ([e["distance"] for e in reply["neighbors"]] for reply in (near, exact))
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def random(*shape: int, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_with_candidates_enough_the_answer_is_the_exact_one(
    metric: Metric, work: CollectionIndexes, fill: Fill
) -> None:
    vectors = random(300, 16)
    fill(vectors, metric=metric)
    work.build("cells", IndexOptions(), no_progress)
    for query in random(10, 16, seed=1):
        near = ask(work, query, k=12, search="hnsw", ef_search=400)
        exact = ask(work, query, k=12)
        assert (near["exact"], exact["exact"]) == (False, True)
        same(near, exact)
        away = cdist(query[None].astype(float), vectors.astype(float), metric)[0]
        best = np.argsort(away)[:12]
        assert [each["id"] for each in near["neighbors"]] == [f"i{n}" for n in best]
        found = [each["distance"] for each in near["neighbors"]]
        np.testing.assert_allclose(found, away[best], atol=1e-12)
    by_id = ask(work, None, "i7", k=299, search="hnsw")
    assert by_id["searched"] == 299 and "i7" not in [e["id"] for e in by_id["neighbors"]]
    same(by_id, ask(work, None, "i7", k=299))


def test_recall_is_measured_and_reported(work: CollectionIndexes, fill: Fill) -> None:
    """Few links among many dimensions: some neighbours are missed, and it is said how many."""
    vectors = random(3000, 64)
    fill(vectors, metric="euclidean")
    made = work.build("cells", IndexOptions(m=2, ef_construction=4), no_progress)
    assert (made["indexed"], made["waiting"], made["m"], made["type"]) == (3000, 0, 2, "vector")
    assert made["recall"] == {
        "value": made["recall"]["value"], "k": 10, "ef_search": 100, "sample": 100, "seed": 0,
        "items": 3000,
    }  # fmt: skip
    rows = np.random.default_rng(0).choice(3000, 100, replace=False)
    away = cdist(vectors[rows].astype(float), vectors.astype(float))
    shares = []
    for row, distances in zip(rows, away, strict=True):
        near = ask(work, None, f"i{row}", k=10, search="hnsw", ef_search=100)
        assert near["recall"] == made["recall"]
        truth = {f"i{n}" for n in np.argsort(distances)[1:11]}
        shares.append(len(truth & {each["id"] for each in near["neighbors"]}) / 10)
    assert made["recall"]["value"] == pytest.approx(np.mean(shares), abs=1e-9)
    assert 0.2 < made["recall"]["value"] < 0.95
    values = {(each["k"], each["ef_search"]): each["value"] for each in made["recalls"]}
    assert values[10, 40] < values[10, 100] < values[10, 400]
    wide = ask(work, vectors[0], k=60, search="hnsw", ef_search=300)["recall"]
    assert (wide["k"], wide["ef_search"]) == (100, 100), "what is reported is no easier"


def test_a_collection_that_has_grown_is_measured_anew(work: CollectionIndexes, fill: Fill) -> None:
    fill(random(60, 8))
    work.build("cells", IndexOptions(), no_progress)
    fill(random(59, 8, seed=1), first=60)
    assert ask(work, np.ones(8), search="hnsw")["recall"]["items"] == 60
    fill(random(1, 8, seed=2), first=119)
    assert work.describe("cells")["waiting"] == 1
    assert ask(work, np.ones(8), search="hnsw")["recall"]["items"] == 120
    assert work.describe("cells")["recall"]["items"] == 120


def test_what_the_index_cannot_answer_is_searched_exactly(
    work: CollectionIndexes, fill: Fill
) -> None:
    fill(random(50, 8))
    for search in ({"filter": {"even": True}}, {"metric": "euclidean"}):
        found = ask(work, np.ones(8), k=5, search="hnsw", **search)
        assert found == ask(work, np.ones(8), k=5, **search) and found["exact"] is True
    with pytest.raises(UnknownIndex, match="PUT /collections/cells/index"):
        ask(work, np.ones(8), search="hnsw")


def test_vectors_of_zeros_are_at_the_distance_1_as_in_the_exact_search(
    work: CollectionIndexes, fill: Fill
) -> None:
    vectors = random(40, 4)
    vectors[[3, 20, 30]] = 0
    fill(vectors)
    made = work.build("cells", IndexOptions(), no_progress)
    assert made["recall"]["value"] == 1.0
    for k in (5, 20, 40):
        for query in (vectors[0], -vectors[0], vectors[3]):
            near = ask(work, query, k=k, search="hnsw", ef_search=200)
            same(near, ask(work, query, k=k))
    fill(np.zeros((1, 4), np.float32), first=40)
    assert "i40" in [e["id"] for e in ask(work, -vectors[0], k=41, search="hnsw")["neighbors"]]


def test_tiny_and_huge_vectors_keep_their_directions(work: CollectionIndexes, fill: Fill) -> None:
    vectors = random(60, 2001) * np.logspace(-30, 14, 60, dtype=np.float64)[:, None]
    fill(vectors)
    made = work.build("cells", IndexOptions(), no_progress)
    assert made["type"] == "halfvec"
    for query in random(5, 2001, seed=1):
        near = ask(work, query, k=10, search="hnsw")
        assert near["exact"] is False
        same(near, ask(work, query, k=10))


def test_half_precision_refuses_what_it_cannot_hold(work: CollectionIndexes, fill: Fill) -> None:
    vectors = random(20, 2001)
    fill(vectors, metric="euclidean")
    work.build("cells", IndexOptions(), no_progress)
    near = ask(work, vectors[4], k=5, search="hnsw")
    same(near, ask(work, vectors[4], k=5))
    fill(np.full((1, 2001), 65505.0, np.float32), first=20, metric="euclidean")
    with pytest.raises(InvalidVectors, match="65504"):
        ask(work, vectors[4], k=5, search="hnsw")
    with pytest.raises(InvalidVectors, match="65504"):
        work.build("cells", IndexOptions(), no_progress)


def test_an_index_that_leads_to_too_few_gives_way_to_the_exact_search(
    work: CollectionIndexes, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(random(30, 4))
    work.build("cells", IndexOptions(), no_progress)
    monkeypatch.setattr(indexing, "_wanted", lambda k, ef_search: 2)
    assert ask(work, np.ones(4), k=5, search="hnsw")["exact"] is True


def test_a_collection_needs_two_items_for_an_index(work: CollectionIndexes, fill: Fill) -> None:
    fill(random(1, 4))
    with pytest.raises(TooFewItems, match="2 items are needed"):
        work.build("cells", IndexOptions(), no_progress)
