"""POST /metrics over HTTP: the three forms, options, refusals, and GET beside it."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

TRUTH, SCORES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
DATA: dict[str, Any] = {"task": "classification", "truth": TRUTH, "scores": SCORES}
CSV = b"truth,score\n0,0.1\n0,0.4\n1,0.35\n1,0.8\n"


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def test_the_reply_has_every_part(client: TestClient) -> None:
    options = {"labels": ["negative", "positive"], "positive": 1, "predictions": None,
               "groups": None, "ids": None, "threshold": None, "operating_point": "youden",
               "ci": {"method": "auto", "level": 0.95, "resamples": 2000, "seed": 0}}  # fmt: skip
    response = client.post("/metrics", json=DATA | options)
    assert response.status_code == 200
    report = response.json()
    assert report["metrics"]["auroc"] == {
        "value": 0.75, "ci": [pytest.approx(0.057, abs=5e-4), 1.0], "clipped": True,
        "method": "delong", "n": 4, "undefined": None, "ci_undefined": None,
    }  # fmt: skip
    assert set(report["curves"]) == {"roc", "pr", "thresholds", "histogram", "calibration"}
    assert report["confusion"]["labels"] == ["negative", "positive"]
    assert report["operating_point"]["threshold"] == 0.35
    assert {"per_class", "worst", "excluded", "conventions", "input_sha256"} <= set(report)


def test_csv_npz_and_json_are_one(client: TestClient) -> None:
    expected = client.post("/metrics", json=DATA | {"threshold": 0.4, "ci": {"level": 0.9}}).json()
    query = {"threshold": "0.4", "ci.level": "0.9"}
    archive = npz(truth=TRUTH, score=SCORES)
    for content, kind in ((CSV, "text/csv; charset=utf-8"), (archive, "application/x-npz")):
        headers = {"Content-Type": kind}
        response = client.post("/metrics", content=content, params=query, headers=headers)
        assert response.status_code == 200, response.text
        assert response.json() == expected
    assert client.post("/metrics", content=archive, params=query).json() == expected
    body = json.dumps(DATA).encode()
    assert client.post("/metrics/", content=body, params=query).json() == expected
    whole = {"threshold": "0.4", "ci": '{"level": 0.9}'}
    assert client.post("/metrics", json=DATA, params=whole).json() == expected


def test_pythons_nan_is_missing(client: TestClient) -> None:
    body = json.dumps(DATA | {"scores": [0.1, float("nan"), 0.35, 0.8]})
    report = client.post("/metrics", content=body).json()
    assert report["excluded"] == [{"row": 1, "reason": "missing_score"}]
    refused = client.post("/metrics", content=body, params={"missing": "refuse"})
    assert (refused.status_code, refused.json()["code"]) == (422, "missing_values")
    assert refused.json()["errors"][0]["row"] == 1


@pytest.mark.parametrize("task", ["segmentation", "restoration", "detection"])
def test_the_other_tasks(task: str, client: TestClient) -> None:
    image = {"array": [[0, 1], [1, 1]]}
    data: dict[str, dict[str, Any]] = {
        "segmentation": {"pairs": [{"truth": image, "prediction": image}]},
        "restoration": {"pairs": [{"reference": image, "image": image}]},
        "detection": {
            "ground_truth": {"images": [], "annotations": [], "categories": []},
            "detections": [],
        },
    }
    response = client.post("/metrics", json={"task": task, **data[task]})
    assert response.status_code == 200, response.text
    assert response.json()["task"] == task


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"content": b""}, 400, "empty_body"),
        ({"content": b"{"}, 400, "malformed_json"),
        ({"content": b'{"truth": NaN'}, 400, "malformed_json"),
        ({"content": b"[1]", "headers": {"Content-Type": "application/json"}}, 422,
         "invalid_parameter"),
        ({"content": b"what"}, 415, "unknown_format"),
        ({"content": b"PK\x03\x04"}, 400, "malformed_table"),
        ({"content": npz(truth=np.array([None, {}]))}, 415, "pickled_array"),
        ({"json": DATA | {"task": "classify"}}, 422, "invalid_parameter"),
        ({"json": DATA | {"score": []}}, 422, "unknown_parameter"),
        ({"json": DATA | {"pairs": []}}, 422, "unknown_parameter"),
        ({"json": DATA | {"ci": {"levels": 1}}}, 422, "invalid_parameter"),
        ({"json": DATA | {"operating_point": "best"}}, 422, "invalid_parameter"),
        ({"json": DATA, "params": {"task": "detection"}}, 422, "conflicting_parameter"),
        ({"json": DATA | {"bins": 5}, "params": {"bins": "6"}}, 422, "conflicting_parameter"),
        ({"json": DATA | {"scores": [0.1, "a", 1, 1]}}, 422, "invalid_rows"),
        ({"json": DATA | {"truth": [0, 0, 1, 7]}}, 422, "invalid_parameter"),
        ({"content": CSV, "params": {"task": "detection"},
          "headers": {"Content-Type": "text/csv"}}, 415, "unknown_format"),
    ],
)  # fmt: skip
def test_what_is_refused(sent: dict[str, Any], status: int, code: str, client: TestClient) -> None:
    response = client.post("/metrics", **sent)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_the_wrong_row_is_named(client: TestClient) -> None:
    problem = client.post("/metrics", json=DATA | {"scores": [0.1, 0.2, "a", 1]}).json()
    assert problem["errors"] == [
        {"location": "scores.2", "row": 2, "expected": "a number or null is expected",
         "received": "'a'"}
    ]  # fmt: skip


def test_limits(started: Callable[..., TestClient]) -> None:
    small = started(preload=False, max_bytes=4_000, max_reply_bytes=3_000, max_pixels=100)
    response = small.post("/metrics", json=DATA)
    assert (response.status_code, response.json()["code"]) == (413, "reply_too_large")
    assert small.post("/metrics", content=b"{" + b" " * 5_000).json()["code"] == "too_many_bytes"
    packed = io.BytesIO()
    np.savez_compressed(packed, truth=np.zeros(9_000))
    assert small.post("/metrics", content=packed.getvalue()).json()["code"] == "too_many_bytes"
    mask = {"rle": {"size": [1_000, 1_000], "counts": [10**6]}}
    pair = {"task": "segmentation", "pairs": [{"truth": mask, "prediction": mask}]}
    assert small.post("/metrics", json=pair).json()["code"] == "too_many_pixels"


def test_a_deadline_ends_the_work(client: TestClient) -> None:
    rng = np.random.default_rng(0)
    body = npz(truth=rng.integers(0, 2, 20_000), score=rng.random(20_000))
    response = client.post(
        "/metrics",
        content=body,
        params={"ci.resamples": "9000"},
        headers={"X-Request-Timeout": "0.2"},
    )
    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")


def test_as_a_job(client: TestClient) -> None:
    answer = client.post("/metrics", json=DATA, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    for _ in range(200):
        result = client.get(f"{answer.headers['Location']}/result")
        if result.status_code != 409:
            break
        time.sleep(0.02)
    assert result.json() == client.post("/metrics", json=DATA).json()
    refused = client.post("/metrics", json={"bad": 1}, headers={"Prefer": "respond-async"})
    assert refused.status_code == 422


def test_the_counters_are_still_there(client: TestClient) -> None:
    client.post("/metrics", json=DATA)
    text = client.get("/metrics").text
    assert 'endpoint="/metrics",status="200"' in text
