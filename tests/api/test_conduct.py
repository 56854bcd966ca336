"""One protocol for every request that takes a place, whatever it asks for."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from starlette.testclient import TestClient

from .conftest import CHELSEA, png

CAT = png(CHELSEA)
ASYNC = {"Prefer": "respond-async"}


def in_flight(client: TestClient) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next(
        float(line.split()[1]) for line in lines if line.startswith("brightfield_in_flight ")
    )


@pytest.fixture
def vectors(client: TestClient) -> Any:
    client.put("/collections/conduct", json={"dim": 2})
    yield {"vectors": [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]}
    client.delete("/collections/conduct")


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/classify?topk=3", {"content": CAT}),
        ("/saliency?method=gradients", {"content": CAT}),
        ("/metrics", {"json": {"truth": [0, 1], "scores": [0, 1], "task": "regression"}}),
        ("/collections/conduct/items", {"json": {"vectors": [[0.0]], "ids": ["a", "b"]}}),
        ("/collections/conduct/clusters", {"json": {"number": 3}}),
        ("/collections/conduct/projection", {"json": {"method": "mds"}}),
        ("/collections/conduct/neighbors", {"json": {"vector": [0.0, 1.0], "id": "a"}}),
    ],
)
def test_what_is_wrong_with_a_request_is_said_at_once_and_not_by_a_job(
    client: TestClient, vectors: Any, path: str, options: Any
) -> None:
    reply = client.post(path, headers=ASYNC, **options)
    assert reply.status_code == 422, reply.text
    assert in_flight(client) == 0


def test_an_unknown_run_is_404_and_no_job(client: TestClient) -> None:
    assert client.get("/metrics/runs/run_x/report", headers=ASYNC).status_code == 404


@pytest.mark.parametrize(
    ("path", "options", "member"),
    [
        ("/classify", {"content": CAT}, "result"),
        ("/metrics", {"json": {"truth": [0, 1] * 5, "scores": [0.2, 0.9] * 5}}, "metrics"),
        ("/collections/conduct/items", {}, "items"),
        ("/collections/conduct/clusters", {"json": {"k": 2}}, "labels"),
    ],
)
def test_any_longer_answer_may_be_a_job_which_keeps_its_place_to_its_end(
    client: TestClient, vectors: Any, path: str, options: Any, member: str
) -> None:
    client.post("/collections/conduct/items", json=vectors)
    job = client.post(path, headers=ASYNC, **(options or {"json": vectors}))
    assert job.status_code == 202, job.text
    client.get(f"{job.headers['location']}/events")  # ends with the job
    result = client.get(f"{job.headers['location']}/result")
    assert result.status_code == 200 and member in result.json(), result.text
    assert in_flight(client) == 0


def test_the_deadline_counts_while_a_large_request_is_understood(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading ten million predictions takes seconds, in which a client may give up."""
    go_on = threading.Event()

    def slow(*_: object) -> None:
        assert go_on.wait(30)

    monkeypatch.setattr("brightfield.api.routes.metrics.understand_predictions", slow)
    try:
        reply = client.post("/metrics", content=b"{}", headers={"X-Request-Timeout": "0.05"})
    finally:
        go_on.set()
    assert (reply.status_code, reply.json()["code"]) == (504, "deadline_exceeded")
