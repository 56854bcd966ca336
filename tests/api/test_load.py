"""Admission, deadlines and hang-ups, against a real server where a socket matters."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import torch
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from brightfield.api.app import create_app
from brightfield.runtime.work_item import Priority

from ..toys.preloaded import preloaded
from .conftest import CHELSEA, png

CAT = png(CHELSEA)


class Busy:
    """Holds the lane of an app until it is let go."""

    def __init__(self, app: FastAPI) -> None:
        self._engine = app.state.engine
        self._gate, self._entered = threading.Event(), threading.Event()

    def _wait(self) -> None:
        self._entered.set()
        assert self._gate.wait(30)

    def __enter__(self) -> Busy:
        resident = self._engine.registry.load("imagenet-lite0").result(60)
        self.future = resident.call(self._wait)
        assert self._entered.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._gate.set()
        self.future.result(10)

    def until_queued(self, rows: int) -> None:
        batcher = self._engine.lanes[0].batcher
        for _ in range(2000):
            if batcher.waiting(Priority.INTERACTIVE) >= rows:
                return
            time.sleep(0.005)
        raise AssertionError(f"only {batcher.waiting(Priority.INTERACTIVE)} rows came")


@contextlib.contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The app on a free port of the loopback."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@pytest.fixture(scope="module")
def address(settings_of: Any) -> Iterator[tuple[FastAPI, str]]:
    app = create_app(settings_of(max_in_flight=64))
    with served(app) as url:
        preloaded(app)
        yield app, url


def test_over_the_bound_is_429_with_a_time_to_wait(started: Any) -> None:
    client: TestClient = started(max_in_flight=2)
    with Busy(client.app) as busy, ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(client.post, "/classify", content=CAT) for _ in range(2)]
        busy.until_queued(2)
        refused = client.post("/classify", content=CAT)
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
        assert refused.json()["retryable"]
        busy.__exit__()
        assert [future.result().status_code for future in asked] == [200, 200]
    too_many = client.post("/classify", files=[("file", CAT)] * 3)
    assert (too_many.status_code, too_many.json()["code"]) == (413, "too_many_images")
    assert client.post("/classify", content=CAT).status_code == 200


def test_a_clients_deadline_is_honoured(client: TestClient, app: FastAPI) -> None:
    with Busy(app):
        reply = client.post("/classify", content=CAT, headers={"X-Request-Timeout": "0.05"})
    assert (reply.status_code, reply.json()["code"]) == (504, "deadline_exceeded")
    assert client.post("/classify", content=CAT).status_code == 200


ASYNC = {"Prefer": "respond-async"}
SOON = {"X-Request-Timeout": "0.2"}


def counted(client: TestClient, name: str) -> float:
    value: float = client.app.state.engine.telemetry.registry.get_sample_value(name)
    return value


def in_flight(client: TestClient) -> float:
    return counted(client, "brightfield_in_flight")


def test_no_number_of_jobs_keeps_a_prediction_out(started: Any) -> None:
    """Jobs wait in a line of their own; over its end, jobs alone are refused."""
    client: TestClient = started(max_in_flight=1, max_jobs=3, jobs=1)
    with Busy(client.app) as busy:
        jobs = [client.post("/classify", content=CAT, headers=ASYNC) for _ in range(3)]
        assert [job.status_code for job in jobs] == [202] * 3
        refused = client.post("/classify", content=CAT, headers=ASYNC)
        assert refused.status_code == 429 and "max_jobs" in refused.json()["detail"]
        assert client.post("/classify", content=CAT, headers=SOON).status_code == 504, "let in"
        states = [client.get(job.headers["location"]).json()["state"] for job in jobs]
        assert states == ["running", "queued", "queued"]
        assert client.delete(jobs[1].headers["location"]).json()["state"] == "cancelled"
        busy.__exit__()
        for job in jobs:
            client.get(f"{job.headers['location']}/events")  # ends with the job
    ends = [client.get(job.headers["location"]).json()["state"] for job in jobs]
    assert ends == ["succeeded", "cancelled", "succeeded"]
    assert counted(client, "brightfield_jobs") == 0


def test_an_explanation_takes_no_place_of_a_prediction(started: Any) -> None:
    client: TestClient = started(max_in_flight=1)
    with ThreadPoolExecutor(1) as pool, Busy(client.app) as busy:
        explained = pool.submit(client.post, "/saliency", content=CAT)
        while in_flight(client) < 1:
            time.sleep(0.01)
        assert client.post("/classify", content=CAT, headers=SOON).status_code == 504, "let in"
        assert client.post("/occlusion", content=CAT, headers=SOON).status_code == 429
        busy.__exit__()
        assert explained.result().status_code == 200


def test_a_place_comes_back_at_the_deadline_whatever_its_thread_still_does(
    started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: TestClient = started(max_in_flight=1)
    go_on = threading.Event()
    monkeypatch.setattr(
        "brightfield.engine.image_bytes_held.decode", lambda *_, **__: go_on.wait(30)
    )
    try:
        for _ in range(3):
            begun = time.monotonic()
            reply = client.post("/classify", content=CAT, headers=SOON)
            assert (reply.status_code, reply.json()["code"]) == (504, "deadline_exceeded")
            assert time.monotonic() - begun < 5
            assert in_flight(client) == 0
    finally:
        go_on.set()


def test_forty_clients_that_hang_up_cost_at_most_one_batch(address: tuple[FastAPI, str]) -> None:
    app, url = address
    module = app.state.engine.registry.resident("imagenet-lite0").module
    batches: list[int] = []
    hook = module.register_forward_hook(lambda _, inputs, __: batches.append(len(inputs[0])))
    try:
        with Busy(app) as busy:
            sockets = [hang(url) for _ in range(40)]
            busy.until_queued(40)
            for one in sockets:
                one.close()
            wait_for_departures(app, 40)
    finally:
        hook.remove()
    with httpx2.Client() as client:
        assert client.post(f"{url}/classify", content=CAT).status_code == 200
    assert len(batches) <= 1


def hang(url: str) -> socket.socket:
    """A request that is sent, and whose answer nobody waits for."""
    host, _, port = url.removeprefix("http://").partition(":")
    one = socket.create_connection((host, int(port)))
    head = f"POST /classify HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(CAT)}\r\n\r\n"
    one.sendall(head.encode() + CAT)
    return one


def wait_for_departures(app: FastAPI, count: int) -> None:
    value = app.state.engine.telemetry.registry.get_sample_value
    labels = {"endpoint": "/classify", "status": "499"}
    for _ in range(1000):
        if (value("brightfield_requests_total", labels) or 0) >= count:
            return
        time.sleep(0.01)
    raise AssertionError("the departures were not noticed")


@pytest.mark.slow
@pytest.mark.alone
def test_a_hundred_at_once_over_a_socket_are_all_answered(address: tuple[FastAPI, str]) -> None:
    _, url = address
    with httpx2.Client(timeout=60) as client, ThreadPoolExecutor(32) as pool:
        replies = list(
            pool.map(lambda _: client.post(f"{url}/classify", content=CAT).status_code, range(100))
        )
    assert replies == [200] * 100


@pytest.mark.slow
@pytest.mark.alone
def test_predictions_come_in_between_the_chunks_of_an_explanation(
    address: tuple[FastAPI, str],
) -> None:
    app, url = address
    with httpx2.Client(timeout=120) as client:
        job = client.post(
            f"{url}/saliency?method=smoothgrad&samples=2000",
            content=CAT,
            headers={"Prefer": "respond-async"},
        ).json()
        while client.get(f"{url}/jobs/{job['id']}").json()["progress"]["done"] == 0:
            time.sleep(0.01)
        answers = [client.post(f"{url}/classify", content=CAT) for _ in range(5)]
        assert client.get(f"{url}/jobs/{job['id']}").json()["state"] == "running"
        client.delete(f"{url}/jobs/{job['id']}")
    assert [answer.status_code for answer in answers] == [200] * 5
    module = app.state.engine.registry.resident("imagenet-lite0").module
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in module.modules())
    assert torch.is_grad_enabled() and not module.training
