"""SIGTERM during whatever runs: the service ends within its time, and everyone gets an answer."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.toys.lab_models import write_lab_models

from .service import FULL, ServiceProcess, picture

STOP = 30 if FULL else 6
ASYNC = {"Prefer": "respond-async"}

Situation = Callable[[httpx2.Client], None]


def asked(service: ServiceProcess, count: int, path: str, **request: Any) -> list[Any]:
    """Send so many requests at once; a list that fills with their replies or what went wrong."""
    found: list[Any] = []

    def ask() -> None:
        try:
            found.append(httpx2.post(service.url + path, timeout=60, trust_env=False, **request))
        except httpx2.HTTPError as fault:
            found.append(fault)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    return found


def answered(found: list[Any], count: int) -> set[int]:
    """The statuses of all replies; each is an answer, or the refusal of a service that stops."""
    until = time.monotonic() + 5
    while len(found) < count:
        assert time.monotonic() < until
        time.sleep(0.01)
    for reply in found:
        assert isinstance(reply, httpx2.Response), reply
        if reply.status_code != 200:
            assert reply.json()["code"] == "service_stopping", reply.text
            assert int(reply.headers["retry-after"]) >= 1
    return {reply.status_code for reply in found}


@pytest.fixture
def service(tmp_path: Path) -> Any:
    models = write_lab_models(tmp_path / "models")
    with ServiceProcess(tmp_path, models=models, stop_timeout=STOP) as service:
        yield service


@pytest.mark.slow
@pytest.mark.alone
def test_64_requests_are_answered(service: ServiceProcess) -> None:
    found = asked(service, 64, "/occlusion?model=good&window=4&stride=2", content=picture("green"))
    service.stop(within=STOP)
    assert answered(found, 64) <= {200, 503}


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize(
    ("model", "color"),
    [
        ("load-hangs", "green"),
        ("decoder-hangs", "green"),
        ("sleeps", "white"),
        *([("loops", "white")] if FULL else []),
    ],
)
def test_what_never_ends_is_refused(service: ServiceProcess, model: str, color: str) -> None:
    found = asked(service, 2, f"/classify?model={model}", content=picture(color))
    seconds = service.stop(within=STOP)
    assert answered(found, 2) == {503}
    assert seconds > 0.5 * STOP  # they had their time
    if model != "decoder-hangs":
        assert f"(model {model})" in service.log.read_text()


@pytest.mark.slow
@pytest.mark.alone
def test_a_map_that_is_being_made_is_cut_off(service: ServiceProcess) -> None:
    with httpx2.Client(base_url=service.url, timeout=60, trust_env=False) as http:
        made = {"model": "good", "layer": "logits"}
        assert http.put("/collections/cells", json=made).status_code == 201
        rows = np.random.default_rng(0).random((3000, 2)).tolist()
        items = {"ids": [str(n) for n in range(3000)], "vectors": rows}
        assert http.post("/collections/cells/items", json=items).is_success
        job = http.post("/collections/cells/projection?method=tsne", json={}, headers=ASYNC)
        assert job.status_code == 202, job.text
        time.sleep(1.5)
        service.stop(within=STOP)
        service.start()
        assert http.get("/collections/cells").json()["items"] == 3000
        assert ended(http, job.headers["location"])["state"] == "succeeded"  # it began again
        maps = http.get("/collections/cells/projection").json()["projections"]
        assert len(maps) == 1


def ended(http: httpx2.Client, address: str) -> dict[str, Any]:
    """A job when it is over."""
    until = time.monotonic() + 120
    while True:
        assert time.monotonic() < until
        with contextlib.suppress(httpx2.ReadError, httpx2.RemoteProtocolError):  # of the one killed
            job: dict[str, Any] = http.get(address).json()
            if job["state"] not in ("queued", "running"):
                return job
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_job_goes_on_after_the_process_has_ended(service: ServiceProcess, how: str) -> None:
    path = "/occlusion?model=good&window=1&stride=1&format=npy"
    with httpx2.Client(base_url=service.url, timeout=60, trust_env=False) as http:
        begun = [
            http.post(path, content=picture("green"), headers=ASYNC).headers["location"]
            for _ in range(20)
        ]
        if how == "stop":
            service.stop(within=STOP)
            service.start()
        else:
            service.worker().kill()
        assert {ended(http, address)["state"] for address in begun} == {"succeeded"}
        once = http.post(path, content=picture("green"))
        assert {http.get(f"{address}/result").content for address in begun} == {once.content}


@pytest.mark.slow
@pytest.mark.alone
def test_a_second_signal_ends_it_at_once(service: ServiceProcess) -> None:
    asked(service, 1, "/classify?model=sleeps", content=picture("white"))
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert service.process.poll() is None
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(STOP / 2) == 128 + signal.SIGINT


@pytest.mark.slow
@pytest.mark.alone
def test_a_worker_ends_with_its_supervisor(service: ServiceProcess) -> None:
    worker = service.worker()
    service.process.kill()
    worker.wait(STOP)
