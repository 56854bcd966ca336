"""What takes long finishes with the items that it began with, whatever is deleted meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from brightfield.collections.quality import DuplicateSearch, LabelCheck, OutlierSearch
from brightfield.collections.queries import Clustering
from brightfield.collections.services import CollectionWork, projection_catalog
from brightfield.errors import UnknownCollection
from brightfield.progress import Step

COUNT = 60
NAMES = [f"i{n}" for n in range(COUNT)]
FAST: dict[str, dict[str, Any]] = {"tsne": {"iterations": 50, "perplexity": 5}, "pca": {}}


@pytest.fixture
def work(client: TestClient, app: FastAPI) -> Iterator[CollectionWork]:
    client.put("/collections/moving", json={"dim": 8})
    rows = np.random.default_rng(3).normal(size=(COUNT, 8)).tolist()
    facts = [{"kind": "ab"[n % 2]} for n in range(COUNT)]
    body = {"vectors": rows, "ids": NAMES, "metadata": facts}
    assert client.post("/collections/moving/items", json=body).status_code == 200
    services: Any = app.state.services
    yield services.collections
    client.delete("/collections/moving")


def once(action: Callable[[], Any]) -> Callable[[Step], None]:
    """A listener to progress, which acts at the first step."""
    done: list[Any] = []
    return lambda _: None if done else done.append(action())


def delete_items(work: CollectionWork) -> Callable[[Step], None]:
    return once(lambda: work.contents.delete_items("moving", NAMES[:7], None))


@pytest.mark.parametrize("method", FAST)
def test_a_map_is_of_what_it_began_with(
    client: TestClient, work: CollectionWork, method: str
) -> None:
    projection = projection_catalog()[method](**FAST[method])
    made = work.projections.make("moving", projection, None, delete_items(work))
    listed = work.projections.listed(made)
    assert listed["n"] == COUNT and listed["points"]["ids"] == NAMES
    assert client.get("/collections/moving").json()["items"] == COUNT - 7
    later = client.get(f"/collections/moving/projection/{listed['id']}").json()
    assert later["points"]["ids"] == NAMES[7:] and later["placed"] == []
    assert later["points"]["x"] == listed["points"]["x"][7:]


def test_clusters_and_checks_name_what_they_began_with(work: CollectionWork) -> None:
    found = work.queries.clusters("moving", Clustering(k=2), delete_items(work))
    assert found["ids"] == NAMES and len(found["labels"]) == COUNT


@pytest.mark.parametrize(
    ("check", "options"),
    [
        ("duplicates", DuplicateSearch(threshold=2)),
        ("outliers", OutlierSearch(most=100)),
        ("disagreements", LabelCheck(by="kind", most=100)),
    ],
)
def test_checks_name_what_they_began_with(work: CollectionWork, check: str, options: Any) -> None:
    found = getattr(work.quality, check)("moving", options, delete_items(work))
    assert found["n"] == COUNT


def test_a_map_of_a_collection_that_is_deleted_meanwhile_is_not_found(
    client: TestClient, work: CollectionWork
) -> None:
    projection = projection_catalog()["tsne"](**FAST["tsne"])
    for remake in (False, True):

        def gone(again: bool = remake) -> None:
            work.contents.delete("moving")
            if again:
                client.put("/collections/moving", json={"dim": 8})

        with pytest.raises(UnknownCollection):
            work.projections.make("moving", projection, None, once(gone))
        client.put("/collections/moving", json={"dim": 8})
        body = {"vectors": np.random.default_rng(3).normal(size=(40, 8)).tolist()}
        assert client.post("/collections/moving/items", json=body).status_code == 200
    assert client.get("/collections/moving/projection").json() == {"projections": []}
