"""HEAD, OPTIONS and Allow, on every path that the service has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

READ = ["/livez", "/readyz", "/models", "/openapi.json", "/docs", "/models/imagenet-lite0"]


def paths_of(app: FastAPI) -> Mapping[str, Mapping[str, Any]]:
    """Of the document, with a name in place of each parameter."""
    return {
        "/".join("x" if part[:1] == "{" else part for part in path.split("/")): operations
        for path, operations in app.openapi()["paths"].items()
    }


def test_every_path_names_all_methods_that_it_knows(app: FastAPI, client: TestClient) -> None:
    for path, operations in paths_of(app).items():
        known = {method.upper() for method in operations} | {"OPTIONS"}
        known |= {"HEAD"} if "GET" in known else set()
        asked, wrong = client.options(path), client.request("PATCH", path)
        assert (asked.status_code, asked.content) == (204, b"")
        assert wrong.status_code == 405, path
        named = set(wrong.headers["allow"].split(", "))
        assert named == set(asked.headers["allow"].split(", "))
        assert known <= named, path  # two paths may have one form: an item's id has slashes


@pytest.mark.parametrize("path", READ)
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    own = ("x-request-id",)
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in whole.headers.items() if k not in own
    }


def test_head_of_what_is_not_there_is_its_refusal(client: TestClient) -> None:
    for path, status in (("/nothing", 404), ("/jobs/none", 404), ("/classify", 405)):
        head = client.head(path)
        assert (head.status_code, head.content) == (status, b"")
    assert client.head("/classify").headers["allow"] == "OPTIONS, POST"


def test_head_of_a_stream_ends_with_its_headers(client: TestClient) -> None:
    """The events of a job go on until it ends, and these points are made as they are sent."""
    run = client.post("/metrics/runs", json={"ci": {"method": "none"}}).json()["id"]
    rows = {"truth": [0, 1, 1], "scores": [0.2, 0.7, 0.4]}
    client.put(f"/metrics/runs/{run}/chunks/a", json=rows)
    head = client.head(f"/metrics/runs/{run}/report?format=npz")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == "application/x-npz"
    counted = client.get("/metrics").text
    path = 'endpoint="/metrics/runs/{run_id}/report"'
    assert f'requests_total{{{path},status="200"}}' in counted


def test_options_of_everything_and_of_nothing(client: TestClient) -> None:
    assert client.options("/nothing").status_code == 404
    files = client.request("PATCH", "/static-offline-docs/x")
    assert files.headers["allow"] == "GET, HEAD, OPTIONS"
