"""Reports over HTTP: as tables, plots and pages, by `format` and by Accept."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

TRUTH, SCORES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
DATA: dict[str, Any] = {"truth": TRUTH, "scores": SCORES, "ci": {"method": "none"}}
CSV = b"truth,score\n0,0.1\n0,0.4\n1,0.35\n1,0.8\n"
MASK = {"array": [[0, 1], [1, 1]]}
BOX = {"image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 40]}
BODIES: dict[str, dict[str, Any]] = {
    "classification": DATA,
    "segmentation": {"pairs": [{"truth": MASK, "prediction": MASK}]},
    "restoration": {"pairs": [{"reference": MASK, "image": {"array": [[0, 1], [1, 0]]}}]},
    "detection": {
        "ground_truth": {
            "images": [{"id": 1}],
            "annotations": [{"id": 1, **BOX}],
            "categories": [{"id": 1, "name": "RBC"}],
        },
        "detections": [{**BOX, "score": 0.9}],
    },
}
TYPES = {
    "csv": ("text/csv; charset=utf-8", b"\xef\xbb\xbfscope,class,metric"),
    "html": ("text/html; charset=utf-8", b"<!doctype html>"),
    "svg": ("image/svg+xml", b"<?xml"),
    "png": ("image/png", b"\x89PNG"),
}


@pytest.mark.slow
@pytest.mark.parametrize("task", BODIES)
def test_every_task_in_every_form(task: str, client: TestClient) -> None:
    for form, (media_type, start) in TYPES.items():
        body = {"task": task, "format": form, **BODIES[task]}
        response = client.post("/metrics", json=body)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == media_type
        assert response.content.startswith(start)
        assert "script" not in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [("*/*", "application/json"), ("text/html,*/*;q=0.8", "text/html"), ("text/csv", "text/csv"),
     ("image/*", "image/svg+xml"), ("image/png", "image/png")],
)  # fmt: skip
def test_the_accept_header_chooses(accept: str, media_type: str, client: TestClient) -> None:
    response = client.post("/metrics", json=DATA, headers={"Accept": accept})
    assert response.headers["content-type"].startswith(media_type)
    wins = client.post("/metrics", json=DATA | {"format": "csv"}, headers={"Accept": accept})
    assert wins.headers["content-type"].startswith("text/csv")


def test_form_and_plot_are_in_the_query_of_a_table(client: TestClient) -> None:
    query = {"format": "svg", "plot": "confusion", "labels": "negative,positive"}
    headers = {"Content-Type": "text/csv"}
    response = client.post("/metrics", content=CSV, params=query, headers=headers)
    assert b"Predicted" in response.content and b"negative" in response.content
    query = {"format": "csv", "table": "roc"}
    response = client.post("/metrics", content=CSV, params=query, headers=headers)
    assert response.content.startswith(b"\xef\xbb\xbfclass,fpr,tpr,thresholds")
    assert 'filename="roc.csv"' in response.headers["content-disposition"]


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"format": "pdf"}, 406, "not_acceptable"),
        ({"format": "svg", "plot": "cases"}, 422, "invalid_parameter"),
        ({"format": "svg", "plot": "nothing"}, 422, "invalid_parameter"),
        ({"format": "csv", "table": "cases"}, 422, "invalid_parameter"),
        ({"plot": "roc"}, 422, "invalid_parameter"),
        ({"format": "html", "title": "x" * 201}, 422, "invalid_parameter"),
        ({"format": "html", "tittle": "x"}, 422, "unknown_parameter"),
    ],
)
def test_what_is_refused(
    options: dict[str, str], status: int, code: str, client: TestClient
) -> None:
    for sent in ({"json": DATA | options}, {"json": DATA, "params": options}):
        response = client.post("/metrics", **sent)
        assert (response.status_code, response.json()["code"]) == (status, code)


def test_the_plots_that_there_are_are_named(client: TestClient) -> None:
    problem = client.post("/metrics", json=DATA | {"format": "png", "plot": "errors"}).json()
    (place,) = problem["errors"]
    assert place["expected"] == ["roc", "pr", "threshold", "confusion", "calibration"]
    refused = client.post("/metrics", json=DATA, headers={"Accept": "application/pdf"})
    assert refused.status_code == 406 and "text/html" in refused.json()["detail"]


def test_what_callers_wrote_is_escaped(client: TestClient) -> None:
    label = "<script>alert(1)</script>\"'"
    body = {**DATA, "truth": ["a", "a", label, label], "labels": ["a", label], "format": "html"}
    text = client.post("/metrics", json=body).text
    assert "<script" not in text and "&lt;script&gt;alert(1)" in text


def test_as_a_job(client: TestClient) -> None:
    headers = {"Prefer": "respond-async"}
    answer = client.post("/metrics", json=DATA | {"format": "html"}, headers=headers)
    assert answer.status_code == 202
    for _ in range(200):
        result = client.get(f"{answer.headers['Location']}/result")
        if result.status_code != 409:
            break
        time.sleep(0.02)
    assert result.headers["content-type"] == "text/html; charset=utf-8"
    assert result.content == client.post("/metrics", json=DATA | {"format": "html"}).content
    refused = client.post("/metrics", json=DATA | {"format": "pdf"}, headers=headers)
    assert refused.status_code == 406


@pytest.fixture(scope="module")
def run(client: TestClient) -> str:
    """The path of a run of two classes with a name that tries to break out."""
    options = {"name": "Run <1>", "labels": ["healthy", "infected"], "ci": {"method": "none"}}
    path = str(client.post("/metrics/runs", json=options).headers["Location"])
    headers = {"Content-Type": "text/csv"}
    assert client.put(f"{path}/chunks/a", content=CSV, headers=headers).status_code == 201
    return path


def test_a_run_has_the_same_forms(run: str, client: TestClient) -> None:
    for form, (media_type, start) in TYPES.items():
        response = client.get(f"{run}/report", params={"format": form})
        assert response.headers["content-type"] == media_type
        assert response.content.startswith(start)
    page = client.get(f"{run}/report", headers={"Accept": "text/html"}).text
    assert "<h1>Run &lt;1&gt;</h1>" in page
    table = client.get(f"{run}/report", params={"format": "csv", "table": "confusion"}).text
    assert table.lstrip("\ufeff").splitlines()[0] == "truth,healthy,infected"


def test_a_run_has_its_plots_by_name(run: str, client: TestClient) -> None:
    for name in ("roc", "pr", "confusion", "calibration"):
        assert client.get(f"{run}/plot/{name}").headers["content-type"] == "image/svg+xml"
    picture = client.get(f"{run}/plot/roc", params={"format": "png"})
    assert picture.content.startswith(b"\x89PNG")
    same = client.get(f"{run}/report", params={"format": "png", "plot": "roc"})
    assert same.content == picture.content
    refused = client.get(f"{run}/plot/cases")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_parameter")
    assert client.get(f"{run}/plot/roc", params={"format": "html"}).status_code == 406
    assert client.get(f"{run}/plot/roc", params={"formt": "png"}).status_code == 422
    assert client.get("/metrics/runs/run_0/plot/roc").status_code == 404
