"""Models that exit, loop, fork, allocate and crash beside clients of a good one."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx2
import pytest

from brightfield_client import Client
from tests.toys.lab_models import write_lab_models

from .service import FULL, ServiceProcess, picture

CLIENTS = 8
# What a stranger gets for the first two pictures; None: the process dies of it.
ANSWERS: dict[str, tuple[str | None, str | None]] = {
    "exits": ("model_failed", "model_failed"),
    "forks": ("", ""),
    "allocates": ("out_of_memory", "out_of_memory"),
    "loops": ("model_hangs", "model_hangs"),
    "crashes": (None, None),
}
MORE: dict[str, tuple[str | None, str | None]] = {
    "load-exits": ("invalid_card", "invalid_card"),
    "sleeps": ("model_hangs", "model_hangs"),
    "quits": (None, None),
    "killed": (None, None),
    "load-crashes": (None, None),
}


class GoodClient(threading.Thread):
    """Asks a good model again and again, with the SDK's own retries and nothing else."""

    def __init__(self, url: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._url, self._stop_asking = url, stop
        self.answered = 0
        self.fault: Exception | None = None

    def run(self) -> None:
        image = picture("green")
        with Client(self._url) as client:
            while not self._stop_asking.is_set():
                try:
                    client.classify(image, model="good")
                except Exception as fault:
                    self.fault = fault
                    return
                self.answered += 1


class Crowd:
    """Eight clients of a good model."""

    def __init__(self, url: str) -> None:
        self._stop = threading.Event()
        self.clients = [GoodClient(url, self._stop) for _ in range(CLIENTS)]
        for client in self.clients:
            client.start()

    def wait(self) -> None:
        """Until everyone was answered twice more."""
        before = [client.answered for client in self.clients]
        for client, answered in zip(self.clients, before, strict=True):
            while client.answered < answered + 2:
                assert client.fault is None, client.fault
                time.sleep(0.01)

    def leave(self) -> None:
        self._stop.set()
        for client in self.clients:
            client.join()


def code_of(http: httpx2.Client, model: str) -> str | None:
    """The code of the problem that a white picture gets; empty for an answer, None for no reply."""
    try:
        reply = http.post(f"/classify?model={model}", content=picture("white"))
    except (httpx2.ReadError, httpx2.RemoteProtocolError):
        return None
    return "" if reply.status_code == 200 else str(reply.json()["code"])


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_clients_of_a_good_model_notice_nothing(tmp_path: Path) -> None:
    expected = ANSWERS | MORE if FULL else ANSWERS
    models = write_lab_models(tmp_path / "models")
    with (
        ServiceProcess(tmp_path, models=models, lane_timeout=5) as service,
        httpx2.Client(base_url=service.url, timeout=120, trust_env=False) as http,
    ):
        crowd = Crowd(service.url)
        crowd.wait()
        seen = {}
        for model in expected:
            answers = []
            for _ in range(2):
                answers.append(code_of(http, model))
                crowd.wait()
            seen[model] = tuple(answers)
        assert seen == expected
        crowd.leave()
        assert [client.fault for client in crowd.clients] == [None] * CLIENTS
        states = {each["id"]: each["state"] for each in http.get("/models").json()["models"]}
        aside = {name for name, state in states.items() if state == "quarantined"}
        stops = {None, "model_hangs"}
        assert aside == {name for name, (_, second) in expected.items() if second in stops}
        assert code_of(http, "crashes") == "model_quarantined"
        assert http.post("/models/crashes/load?anew=true").status_code == 200
        assert code_of(http, "good") == ""
        service.stop(within=30)
