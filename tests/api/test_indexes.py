"""Indexes of collections over HTTP, in PostgreSQL, and what SQLite answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from .test_collections import add, ids, made
from .test_jobs import ASYNC, finished


@pytest.fixture
def lab(started: Callable[..., TestClient], postgres_url: str) -> TestClient:
    """A service whose store is in PostgreSQL, with a collection of 200 vectors."""
    client = started(database_url=postgres_url, preload=False)
    made(client, "cells", dim=8)
    vectors = np.random.default_rng(0).normal(size=(200, 8))
    facts = [{"even": n % 2 == 0} for n in range(200)]
    assert add(client, "cells", vectors, [f"i{n}" for n in range(200)], metadata=facts).is_success
    return client


def near(client: TestClient, **body: Any) -> Any:
    return client.post("/collections/cells/neighbors", json={"id": "i3", **body})


@pytest.mark.slow
def test_an_index_is_built_asked_described_and_deleted(lab: TestClient) -> None:
    missing = near(lab, search="hnsw")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_index")
    assert "PUT /collections/cells/index" in missing.json()["detail"]
    job = lab.put("/collections/cells/index", json={"m": 8}, headers=ASYNC).json()
    over = finished(lab, job["id"])
    assert over["state"] == "succeeded" and over["progress"] == {"done": 600, "total": 600}
    built = lab.get(f"/jobs/{job['id']}/result").json()
    assert (built["m"], built["ef_construction"], built["indexed"]) == (8, 64, 200)
    assert set(built["versions"]) == {"brightfield", "pgvector", "postgresql"}
    assert lab.get("/collections/cells/index").json() == built
    found = near(lab, search="hnsw", k=5, ef_search=200)
    assert found.json()["exact"] is False and found.json()["searched"] == 199
    assert found.json()["recall"]["value"] == pytest.approx(1.0, abs=0.05)
    assert found.json()["recall"]["sample"] == 100 and found.json()["ef_search"] == 200
    assert ids(found) == ids(near(lab, k=5))
    assert near(lab, search="hnsw", filter={"even": True}).json()["exact"] is True
    add(lab, "cells", [[9] * 8], ["new"])
    assert lab.get("/collections/cells/index").json()["waiting"] == 1
    ask = {"id": None, "vector": [9] * 8, "search": "hnsw", "k": 1}
    assert ids(near(lab, **ask)) == ["new"]
    lab.delete("/collections/cells/items/new")
    assert ids(near(lab, **ask)) != ["new"]
    assert lab.delete("/collections/cells/index").status_code == 200
    assert lab.get("/collections/cells/index").json()["code"] == "unknown_index"


def test_wrong_parameters_say_what_to_do(lab: TestClient) -> None:
    refused = [
        ({"search": "hnsw", "k": 1001}, "k is 1000 at most"),
        ({"search": "hnsw", "k": 50, "ef_search": 49}, "send 50 or more"),
        ({"ef_search": 50}, "belongs to search=hnsw"),
        ({"search": "ivf"}, "hnsw"),
    ]
    for body, phrase in refused:
        reply = near(lab, **body)
        assert (reply.status_code, reply.json()["code"]) == (422, "invalid_parameter"), reply.text
        assert phrase in reply.json()["detail"], body
    for body, phrase in (({"m": 1}, "m=1"), ({"m": 40}, "send 80 or more")):
        reply = lab.put("/collections/cells/index", json=body)
        assert reply.status_code == 422 and phrase in reply.json()["detail"], body
    made(lab, "empty", dim=8)
    empty = lab.put("/collections/empty/index")
    assert (empty.status_code, empty.json()["code"]) == (409, "too_few_items")


def test_sqlite_says_that_its_search_is_exact(client: TestClient) -> None:
    made(client, "cells", dim=2)
    add(client, "cells", [[1, 0], [0, 1]], ["i3", "i4"])
    path = "/collections/cells/index"
    replies = [client.put(path), client.get(path), client.delete(path), near(client, search="hnsw")]
    for reply in replies:
        assert (reply.status_code, reply.json()["code"]) == (409, "index_unavailable")
        assert "BRIGHTFIELD_DATABASE_URL" in reply.json()["detail"]
    client.delete("/collections/cells")
