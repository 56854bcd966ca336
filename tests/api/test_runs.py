"""/metrics/runs and /metrics/compare over HTTP."""

from __future__ import annotations

import base64
import io
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from .conftest import png

FAST = {"method": "none"}
ROWS = {"truth": [0, 0, 1, 1], "scores": [0.1, 0.4, 0.35, 0.8]}
CSV = b"truth,score\n0,0.1\n0,0.4\n1,0.35\n1,0.8\n"


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def start(client: TestClient, **options: Any) -> str:
    response = client.post("/metrics/runs", json={"ci": FAST, **options})
    assert response.status_code == 201, response.text
    run: str = response.json()["id"]
    assert response.headers["Location"] == f"/metrics/runs/{run}"
    return f"/metrics/runs/{run}"


def test_a_run_from_its_start_to_its_end(client: TestClient) -> None:
    run = start(client, name="a run")
    assert client.get(run).json()["n"] == 0
    first = client.put(f"{run}/chunks/1", json={"truth": [0, 1], "scores": [0.1, 0.35]})
    assert (first.status_code, first.json()["rows"]) == (201, 2)
    second = client.put(f"{run}/chunks/fold 1/b", json={"truth": [1, 0], "scores": [0.8, 0.4]})
    assert second.status_code == 201, second.text
    report = client.get(run).json()
    assert report.pop("run") == {
        "id": run.rpartition("/")[2], "name": "a run", "chunks": 2, "rows": 4
    }  # fmt: skip
    once = client.post("/metrics", json={**ROWS, "ci": FAST}).json()
    assert report["worst"][0]["chunk"] == "1"
    for entry in [*report["worst"], *once["worst"]]:
        entry.pop("row"), entry.pop("chunk", None)
    assert report == once
    chunks = client.get(f"{run}/chunks").json()["chunks"]
    assert [(entry["key"], entry["rows"]) for entry in chunks] == [("1", 2), ("fold 1/b", 2)]
    assert client.delete(run).status_code == 204
    for response in (client.get(run), client.delete(run), client.get(f"{run}/chunks")):
        assert (response.status_code, response.json()["code"]) == (404, "unknown_run")
    gone = client.put(f"{run}/chunks/1", json=ROWS)
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_run")


def test_a_chunk_may_be_sent_again_in_any_form(client: TestClient) -> None:
    run = start(client)
    assert client.put(f"{run}/chunks/1", json=ROWS).status_code == 201
    for content, kind in (
        (CSV, "text/csv"),
        (npz(truth=ROWS["truth"], score=ROWS["scores"]), "application/x-npz"),
    ):
        headers = {"Content-Type": kind}
        again = client.put(f"{run}/chunks/1/", content=content, headers=headers)
        assert again.status_code == 200, again.text
    other = client.put(f"{run}/chunks/1", json={**ROWS, "scores": [0.1, 0.4, 0.35, 0.9]})
    assert (other.status_code, other.json()["code"]) == (409, "chunk_conflict")
    assert client.get(run).json()["n"] == 4


def test_masks_may_be_sent_again_in_any_encoding(client: TestClient) -> None:
    run = start(client, task="segmentation")
    mask = np.array([[0, 1, 1], [0, 0, 1]], np.uint8)
    forms = [{"array": mask.tolist()}, {"png": base64.b64encode(png(mask * 255)).decode()}]
    truth, statuses = {"array": [[0, 1, 0], [0, 0, 1]]}, []
    for form in (*forms, {"array": [[0, 1, 1], [0, 1, 1]]}):
        body = {"pairs": [{"truth": truth, "prediction": form}]}
        statuses.append(client.put(f"{run}/chunks/1", json=body).status_code)
    assert statuses == [201, 200, 409]
    report = client.get(run).json()
    assert report.pop("run")["rows"] == 1
    body["pairs"][0]["prediction"] = forms[0]
    once = client.post("/metrics", json={**body, "task": "segmentation", "ci": FAST}).json()
    for entry in (*report["cases"], *report["worst"]):
        assert entry.pop("chunk") == "1"
    assert report == once


def test_a_name_gives_the_same_run_again(client: TestClient) -> None:
    run = start(client, name="named", bins=7)
    again = client.post("/metrics/runs?name=named&ci.method=none", json={"bins": "7"})
    assert (again.status_code, again.json()["id"]) == (200, run.rpartition("/")[2])
    other = client.post("/metrics/runs", json={"name": "named", "ci": FAST})
    assert (other.status_code, other.json()["code"]) == (409, "run_conflict")


def test_the_list_of_runs(client: TestClient) -> None:
    newest = [start(client) for _ in range(3)][::-1]
    client.put(f"{newest[1]}/chunks/1", json=ROWS)
    page = client.get("/metrics/runs", params={"limit": 2, "offset": 1}).json()
    assert [f"/metrics/runs/{run['id']}" for run in page["runs"]] == newest[1:]
    assert [(run["chunks"], run["rows"]) for run in page["runs"]] == [(1, 4), (0, 0)]
    assert page["total"] >= 3
    assert page["runs"][0]["options"]["ci"]["method"] == "none"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"task": "classify"}, "invalid_parameter"),
        ({"name": ""}, "invalid_parameter"),
        ({"name": 5}, "invalid_parameter"),
        ({"truth": [1]}, "unknown_parameter"),
        ({"labls": "a,b"}, "unknown_parameter"),
        ({"threshold": 0.5, "operating_point": "youden"}, "conflicting_parameter"),
        ({"labels": ["a", "b", "c"], "threshold": 0.5}, "invalid_parameter"),
        ({"positive": "c"}, "invalid_parameter"),
        ({"task": "segmentation", "mode": "instance", "labels": "a,b"}, "invalid_parameter"),
    ],
)
def test_options_are_checked_at_the_start(
    body: dict[str, Any], code: str, client: TestClient
) -> None:
    response = client.post("/metrics/runs", json=body)
    assert (response.status_code, response.json()["code"]) == (422, code), response.text


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"content": b""}, 400, "empty_body"),
        ({"json": {**ROWS, "bins": 5}}, 422, "unknown_parameter"),
        ({"json": ROWS, "params": {"threshold": "0.5"}}, 422, "unknown_parameter"),
        ({"json": {**ROWS, "scores": [0.1, "x", 0, 1]}}, 422, "invalid_rows"),
        ({"json": {**ROWS, "truth": list("abab")}}, 422, "invalid_parameter"),
        ({"json": {**ROWS, "groups": [1, 1, 2, 2]}}, 409, "unfit_chunk"),
        ({"json": {"truth": [], "predictions": []}}, 409, "unfit_chunk"),
    ],
)
def test_a_bad_chunk_is_refused_when_it_comes(
    sent: dict[str, Any], status: int, code: str, client: TestClient
) -> None:
    run = start(client)
    client.put(f"{run}/chunks/1", json=ROWS)
    response = client.put(f"{run}/chunks/2", **sent)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert client.get(run).json()["n"] == 4


def test_ids_are_of_one_chunk(client: TestClient) -> None:
    run = start(client)
    client.put(f"{run}/chunks/1", json={**ROWS, "ids": list("abcd")})
    response = client.put(f"{run}/chunks/2", json={**ROWS, "ids": list("wxyc")})
    assert (response.status_code, response.json()["code"]) == (409, "repeated_id")
    assert response.json()["errors"][0]["received"] == "c"


def test_keys_and_parameters_that_do_not_serve(client: TestClient) -> None:
    run = start(client)
    for key in ("x" * 201, "%00"):
        response = client.put(f"{run}/chunks/{key}", json=ROWS)
        assert (response.status_code, response.json()["code"]) == (422, "invalid_parameter")
    for path in (f"{run}?format=json", f"{run}/report?form=json", "/metrics/runs?page=1"):
        assert client.get(path).json()["code"] == "unknown_parameter"
    refused = client.get(f"{run}/report", params={"format": "docx"})
    assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")
    assert "npz" in refused.json()["detail"]


def test_every_point_as_npz(client: TestClient) -> None:
    rng = np.random.default_rng(0)
    truth, scores = rng.integers(0, 2, 5000), rng.random(5000).round(3)
    run = start(client, curve_points=10)
    client.put(f"{run}/chunks/1", content=npz(truth=truth, score=scores))
    assert client.get(f"{run}/report").json() == client.get(run).json()
    reply = client.get(f"{run}/report", params={"format": "npz"})
    assert reply.headers["Content-Type"] == "application/x-npz"
    points = np.load(io.BytesIO(reply.content), allow_pickle=False)
    distinct = np.unique(scores)[::-1]
    np.testing.assert_array_equal(points["threshold"], distinct)
    np.testing.assert_array_equal(
        points["tp"], [np.count_nonzero(truth[scores >= t]) for t in distinct]
    )
    assert set(points) >= {"fp", "tn", "fn", "roc_fpr", "roc_tpr", "pr_precision", "pr_recall"}
    from sklearn import metrics

    fpr, tpr, thresholds = metrics.roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(points["roc_fpr"], fpr)
    np.testing.assert_allclose(points["roc_tpr"], tpr)
    np.testing.assert_array_equal(points["roc_thresholds"], thresholds)
    precision, recall, _ = metrics.precision_recall_curve(truth, scores)
    np.testing.assert_allclose(points["pr_precision"], precision)
    np.testing.assert_allclose(points["pr_recall"], recall)
    masks = start(client, task="segmentation")
    response = client.get(f"{masks}/report?format=npz")
    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")


def test_a_report_as_a_job(client: TestClient) -> None:
    run = start(client)
    client.put(f"{run}/chunks/1", json=ROWS)
    answer = client.get(run, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    for _ in range(200):
        result = client.get(f"{answer.headers['Location']}/result")
        if result.status_code != 409:
            break
        time.sleep(0.02)
    assert result.json() == client.get(run).json()
    missing = client.get("/metrics/runs/run_0", headers={"Prefer": "respond-async"})
    assert missing.status_code == 404


def test_two_runs_compared(client: TestClient) -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 60)
    runs = []
    for noise, name in ((0.2, "a"), (0.9, "b")):
        ids = np.arange(60) + (5 if name == "b" else 0)
        score = np.round(truth[ids % 60] + rng.normal(0, noise, 60), 2)
        run = start(client, name=f"side {name}")
        body = npz(truth=truth[ids % 60], score=score, id=ids)
        assert client.put(f"{run}/chunks/1", content=body).status_code == 201
        runs.append(run.rpartition("/")[2])
    query = {"a": runs[0], "b": runs[1], "ci.method": "auto", "ci.resamples": "200"}
    found = client.get("/metrics/compare", params=query).json()
    assert (found["n"], found["only_a"]["n"]) == (55, 5)
    assert found["only_b"]["ids"] == ["60", "61", "62", "63", "64"]
    auroc = found["metrics"]["auroc"]
    assert auroc["difference"] == auroc["a"] - auroc["b"] > 0
    assert auroc["method"] == "delong" and 0 < auroc["p_value"] < 0.01
    assert found["metrics"]["f1"]["method"] == "t"
    assert (found["a"]["name"], found["task"]) == ("side a", "classification")
    assert found["metrics"]["accuracy"]["test"] == "mcnemar"
    page = client.get("/metrics/compare", params={**query, "format": "html", "title": "Nets"})
    assert page.headers["content-type"].startswith("text/html") and "<h1>Nets</h1>" in page.text
    table = client.get("/metrics/compare", params=query, headers={"Accept": "text/csv"})
    assert table.text.splitlines()[0].startswith("\ufeffscope,class,metric,a,b,difference")
    for query, code in (
        ({"a": runs[0]}, "invalid_parameter"),
        ({"a": runs[0], "b": runs[1], "title": "x"}, "invalid_parameter"),
        ({"a": runs[0], "b": runs[1], "ci.levle": "0.9"}, "unknown_parameter"),
        ({"a": runs[0], "b": start(client).rpartition("/")[2]}, "incomparable_runs"),
        ({"a": runs[0], "b": start(client, task="detection").rpartition("/")[2]},
         "incomparable_runs"),
        ({"a": runs[0], "b": "run_0"}, "unknown_run"),
    ):  # fmt: skip
        assert client.get("/metrics/compare", params=query).json()["code"] == code


def test_runs_expire(started: Callable[..., TestClient], tmp_path: Path) -> None:
    data = tmp_path / "data"
    run = start(started(preload=False, data=data))
    with closing(sqlite3.connect(data / "brightfield.db")) as store, store:
        store.execute("UPDATE runs SET touched = touched - 3600")
    short = started(preload=False, data=data, run_ttl=1800)
    for _ in range(200):
        gone = short.get(run)
        if gone.status_code == 404:
            break
        time.sleep(0.02)
    assert gone.json()["code"] == "unknown_run"


def test_a_chunk_can_be_taken_back_and_sent_anew(client: TestClient) -> None:
    run = start(client, labels=["n", "p"])
    wrong = npz(truth=np.array([0, 1]), score=np.array([0.9, 0.1]), id=np.array(["a", "b"]))
    right = npz(truth=np.array([0, 1]), score=np.array([0.1, 0.9]), id=np.array(["a", "b"]))
    assert client.put(f"{run}/chunks/fold 1/x", content=wrong).status_code == 201
    assert client.put(f"{run}/chunks/fold 1/x", content=right).status_code == 409
    assert client.delete(f"{run}/chunks/fold 1/x").status_code == 204
    assert client.get(run).json()["n"] == 0
    assert client.put(f"{run}/chunks/another", content=right).status_code == 201  # the ids are free
    assert client.get(run).json()["metrics"]["auroc"]["value"] == 1
    gone = client.delete(f"{run}/chunks/fold 1/x")
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_chunk")
    assert client.delete("/metrics/runs/run_0/chunks/x").json()["code"] == "unknown_run"


def test_a_run_of_several_labels_may_name_them_before_any_row(client: TestClient) -> None:
    rows = {"truth": [[0, 1, 1]], "scores": [[0.1, 0.9, 0.3]]}
    run = start(client, task="multilabel", labels="a,b,c", by="site")
    assert client.get(run).json()["n"] == 0
    sited = {**rows, "columns": {"site": ["x"], "digest": ["1"]}}
    assert client.put(f"{run}/chunks/1", json=sited).status_code == 201
    again = {**rows, "columns": {"site": ["y"], "digest": ["1"]}}
    assert client.put(f"{run}/chunks/3", json=again).status_code == 201
    report = client.get(run).json()
    assert report["labels"] == ["a", "b", "c"]
    assert [part["value"] for part in report["by"]] == ["x", "y"]
    assert "repeated_rows" in [note["code"] for note in report["warnings"]]
    two = client.put(f"{run}/chunks/2", json={"truth": [[0, 1]], "scores": [[0.1, 0.9]]})
    assert (two.status_code, two.json()["code"]) == (422, "invalid_parameter")


@pytest.mark.parametrize("task", ["segmentation", "restoration", "detection"])
def test_the_ids_of_a_deleted_chunk_are_free(task: str, client: TestClient) -> None:
    image = {"array": [[0, 1], [1, 1]]}
    names = {"segmentation": ("truth", "prediction"), "restoration": ("reference", "image")}
    body: dict[str, Any] = {
        "ground_truth": {"images": [{"id": 7}], "annotations": [], "categories": [{"id": 1}]},
        "detections": [],
    }
    if task in names:
        body = {"pairs": [{"id": "x", **dict.fromkeys(names[task], image)}]}
    run = start(client, task=task)
    assert client.put(f"{run}/chunks/1", json=body).status_code == 201
    assert client.put(f"{run}/chunks/2", json=body).json()["code"] == "repeated_id"
    assert client.delete(f"{run}/chunks/1").status_code == 204
    assert client.put(f"{run}/chunks/2", json=body).status_code == 201


def test_one_bad_pair_costs_itself_alone(client: TestClient) -> None:
    good, bad = {"array": [[0, 1]]}, {"array": [[0, -1]]}
    pairs = [{"id": str(n), "truth": good, "prediction": good} for n in range(4)]
    pairs[2]["truth"] = bad
    refusing = start(client, task="segmentation")
    refused = client.put(f"{refusing}/chunks/1", json={"pairs": pairs})
    assert (refused.status_code, refused.json()["errors"][0]["row"]) == (422, 2)
    run = start(client, task="segmentation", faulty="exclude")
    for _ in range(2):
        assert client.put(f"{run}/chunks/1", json={"pairs": pairs}).status_code in (200, 201)
    report = client.get(run).json()
    assert (report["n"], report["excluded_n"]) == (3, 1)
    (entry,) = report["excluded"]
    assert (entry["id"], entry["reason"]) == ("2", "unreadable")
    assert "labels are from 0" in entry["detail"]


def test_a_report_says_what_it_rests_on(client: TestClient) -> None:
    about = {"model": "nuclei", "version": "2", "data": "dsb2018"}
    run = start(client, name="with facts", about=about)
    other = {"name": "with facts", "about": {"model": "other"}, "ci": FAST}
    again = client.post("/metrics/runs", json=other)
    assert again.status_code == 200
    body = {"truth": [0, 1, 1, 0], "scores": [0.1, 0.8, 0.7, 0.3], "groups": ["a", "a", "b", "c"]}
    client.put(f"{run}/chunks/1", json=body)
    first, second = (client.get(run).json() for _ in range(2))
    assert first == second
    assert first["about"] == about
    assert (first["groups"], set(first["made"])) == (3, {"brightfield", "date"})
    page = client.get(f"{run}/report", params={"format": "html"}).text
    assert "dsb2018" in page and "Groups" in page and first["made"]["brightfield"] in page
    single = client.post("/metrics", json={**body, "about": about}).json()
    assert single["about"] == about
