"""Ids, foreign hosts and origins, paths, and what is counted."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from .conftest import CHELSEA, png

CAT = png(CHELSEA)


def test_a_request_keeps_its_id_or_gets_one(client: TestClient) -> None:
    assert (
        client.get("/livez", headers={"X-Request-ID": "mine-1"}).headers["x-request-id"] == "mine-1"
    )
    made = client.get("/livez", headers={"X-Request-ID": "no good\x7f"}).headers["x-request-id"]
    assert made.startswith("req_")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1:8000"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://testserver"}, 200),
    ],
)
def test_a_foreign_page_cannot_steer_the_service(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    reply = client.get("/models", headers=headers)
    assert reply.status_code == status
    if status == 403:
        assert reply.json()["code"] == "foreign_origin"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/models", "/metrics", "/docs"])
def test_paths_answer_with_and_without_a_slash(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == client.get(f"{path}/").status_code == 200


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    missing, wrong = client.get("/clasify"), client.get("/classify")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert "/classify" in missing.json()["detail"]
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "OPTIONS, POST"


def test_the_documentation_needs_no_network(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "http://" not in page.replace("http://testserver", "") and "https://" not in page
    assert client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200


def test_requests_stages_batches_and_memory_are_counted(client: TestClient) -> None:
    client.post("/classify", content=CAT)
    text = client.get("/metrics").text
    for line in (
        'brightfield_requests_total{endpoint="/classify",status="200"}',
        'brightfield_stage_seconds_count{stage="decode"}',
        'brightfield_stage_seconds_count{stage="forward"}',
        'brightfield_batch_rows_count{model="imagenet-lite0"}',
        'brightfield_resident_bytes{device="cpu",model="imagenet-lite0"} 1.8',
        "brightfield_abandoned_rows_total",
    ):
        assert line in text


def test_models_are_listed_described_loaded_and_unloaded(started: object) -> None:
    client: TestClient = started(preload=False)  # type: ignore[operator]
    states = {m["id"]: m["state"] for m in client.get("/models").json()["models"]}
    assert states["imagenet-lite0"] == "available"
    loaded = client.post("/models/imagenet-lite0/load", params={"pin": True}).json()
    assert loaded["state"] == "resident" and loaded["pinned"] and loaded["device"] == "cpu"
    whole = client.get("/models/imagenet-lite0").json()
    assert len(whole["labels"]) == 1000 and "grad_cam" in whole["methods"]
    layers = client.get("/models/imagenet-lite0/layers").json()
    shapes = {layer["name"]: layer["output_shape"] for layer in layers["layers"]}
    assert shapes["head"] == [1, 1280, 7, 7]
    assert client.post("/models/imagenet-lite0/unload").json()["state"] == "available"
    missing = client.post("/models/resnet18/load")
    assert (missing.status_code, missing.json()["code"]) == (503, "missing_weights")
    assert "brightfield models pull resnet18" in missing.json()["detail"]
    near = client.get("/models/imagenet-lite")
    assert near.status_code == 404 and "imagenet-lite0" in near.json()["detail"]


def test_a_dead_lane_turns_readyz_red_until_it_is_back(client: TestClient) -> None:
    lane = client.app.state.engine.lanes[0]  # type: ignore[attr-defined]
    lane._up.clear()
    try:
        red = client.get("/readyz")
        assert (red.status_code, red.json()["code"]) == (503, "lane_down")
        assert client.get("/livez").status_code == 200
    finally:
        lane._up.set()
    assert client.get("/readyz").json()["devices"] == {"cpu": "up"}


def test_pages_of_allowed_origins_may_call_and_read(started: object) -> None:
    origin = "https://lab.example"
    client: TestClient = started(allowed_origins=origin, preload=False)  # type: ignore[operator]
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert client.options("/classify", headers=asked).status_code == 200
    reply = client.post("/classify", headers={"Origin": origin})
    assert reply.json()["code"] == "empty_body"
    assert "cross-origin-resource-policy" not in reply.headers
    assert reply.headers["access-control-allow-origin"] == origin
    refused = client.post("/classify", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403


def test_an_error_that_nobody_foresaw_tells_nothing_of_the_inside(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("brightfield.engine.engine._check_task", fail)
    reply = client.post("/classify", content=CAT)
    assert (reply.status_code, reply.json()["code"]) == (500, "internal_error")
    assert reply.json()["request_id"] == reply.headers["x-request-id"]
    assert "secret" not in reply.text
