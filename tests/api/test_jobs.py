"""Long work: 202, progress, result, events, cancellation, restart."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from brightfield.api.app import create_app
from brightfield.settings import Settings

from .conftest import CHELSEA, png

CAT = png(CHELSEA)
ASYNC = {"Prefer": "respond-async"}


def finished(client: TestClient, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get(f"/jobs/{job_id}").json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.02)
    raise AssertionError("the job did not end")


def events(text: str) -> Iterator[tuple[int, str, Any]]:
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            yield int(fields["id"]), fields["event"], json.loads(fields["data"])


def test_a_jobs_result_is_the_synchronous_reply(client: TestClient) -> None:
    query = "/occlusion?window=80&stride=80&format=npy"
    accepted = client.post(query, content=CAT, headers=ASYNC)
    assert accepted.status_code == 202
    job_id = accepted.json()["id"]
    assert accepted.headers["location"] == f"/jobs/{job_id}"
    job = finished(client, job_id)
    assert job["state"] == "succeeded"
    assert job["progress"]["done"] == job["progress"]["total"] > 1
    result, direct = client.get(f"/jobs/{job_id}/result"), client.post(query, content=CAT)
    assert result.status_code == 200
    assert result.headers["content-type"] == direct.headers["content-type"]
    assert len(result.content) == len(direct.content)


def test_events_tell_the_progress_and_resume(client: TestClient) -> None:
    job_id = client.post("/occlusion?window=60", content=CAT, headers=ASYNC).json()["id"]
    told = list(events(client.get(f"/jobs/{job_id}/events").text))
    numbers = [number for number, _, _ in told]
    assert numbers == sorted(set(numbers))
    kinds = [kind for _, kind, _ in told]
    assert kinds[-1] == "end" and {"progress", "partial"} <= set(kinds)
    assert told[-1][2]["state"] == "succeeded"
    again = client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": str(numbers[-2])})
    assert [kind for _, kind, _ in events(again.text)] == ["end"]


def test_a_cancelled_job_stops_and_says_so(client: TestClient) -> None:
    query = "/occlusion?method=rise&masks=8000"
    job_id = client.post(query, content=CAT, headers=ASYNC).json()["id"]
    while client.get(f"/jobs/{job_id}").json()["progress"]["done"] == 0:
        time.sleep(0.01)
    assert client.delete(f"/jobs/{job_id}").json()["state"] == "cancelled"
    assert finished(client, job_id)["state"] == "cancelled"
    assert client.get(f"/jobs/{job_id}/result").status_code == 409
    assert "brightfield_in_flight 0.0" in eventually_idle(client)


def eventually_idle(client: TestClient) -> str:
    for _ in range(500):
        text = client.get("/metrics").text
        if "brightfield_in_flight 0.0" in text:
            return text
        time.sleep(0.01)
    return text


def test_a_failed_job_keeps_its_problem(client: TestClient) -> None:
    job_id = client.post("/classify", content=b"no image", headers=ASYNC).json()["id"]
    job = finished(client, job_id)
    assert job["state"] == "failed" and job["problem"]["code"] == "unknown_format"
    result = client.get(f"/jobs/{job_id}/result")
    assert (result.status_code, result.json()["code"]) == (415, "unknown_format")


def test_an_unknown_job_is_404_everywhere(client: TestClient) -> None:
    for path in ("/jobs/job_x", "/jobs/job_x/result", "/jobs/job_x/events"):
        reply = client.get(path)
        assert (reply.status_code, reply.json()["code"]) == (404, "unknown_job")
    assert client.delete("/jobs/job_x").status_code == 404


@pytest.mark.slow
def test_what_a_stop_cuts_off_begins_once_more_after_it(tmp_path: Any, settings_of: Any) -> None:
    settings: Settings = settings_of(data=tmp_path)
    with TestClient(create_app(settings)) as first:
        query = "/saliency?method=smoothgrad&samples=500"
        job_id = first.post(query, content=CAT, headers=ASYNC).json()["id"]
        while first.get(f"/jobs/{job_id}").json()["progress"]["done"] == 0:
            time.sleep(0.01)
    with TestClient(create_app(settings_of(data=tmp_path, preload=False))) as second:
        while (job := second.get(f"/jobs/{job_id}").json())["state"] in ("queued", "running"):
            time.sleep(0.01)
        assert job["state"] == "succeeded", job


@pytest.mark.parametrize("number", ["x", "-1", "1.5", "9" * 5000])
def test_a_wrong_last_event_id_is_named(client: TestClient, number: str) -> None:
    job_id = client.post("/classify", content=CAT, headers=ASYNC).json()["id"]
    reply = client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": number})
    assert reply.status_code == 422
