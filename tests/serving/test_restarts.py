"""A service that is stopped and started again and again, while clients ask and write."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import httpx2
import numpy as np
import pytest

from tests.toys.lab_models import write_lab_models

from .service import FULL, ServiceProcess, picture

RESTARTS = int(os.environ.get("BRIGHTFIELD_RESTARTS", "50" if FULL else "3"))
CLIENTS = 8
STOP = 30


class Asking(threading.Thread):
    """Sends a picture and a vector in turns, each on a connection of its own."""

    def __init__(self, url: str, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._url, self._number, self._stop_asking = url, number, stop
        self.acknowledged: dict[str, list[float]] = {}
        self.answered = 0
        self.unanswered: list[str] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        image = picture("green")
        rng = np.random.default_rng(self._number)
        while not self._stop_asking.is_set():
            self._send("/classify?model=good", content=image)
            name, vector = f"{self._number}-{self.answered}", rng.random(2).tolist()
            if self._send("/collections/all/items", json={"ids": [name], "vectors": [vector]}):
                self.acknowledged[name] = vector

    def _send(self, path: str, **request: object) -> bool:
        try:
            reply = httpx2.post(self._url + path, timeout=90, trust_env=False, **request)  # type: ignore[arg-type]
        except (httpx2.ConnectError, httpx2.ConnectTimeout):  # nobody listens: not accepted
            time.sleep(0.05)
            return False
        except httpx2.HTTPError as fault:
            self.unanswered.append(f"{path} {fault!r}")
            return False
        if reply.is_success:
            self.answered += 1
        elif reply.json().get("code") != "service_stopping":
            self.wrong.append(reply.text)
        return reply.is_success


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(3600)
def test_restarts_under_load_lose_nothing(tmp_path: Path) -> None:
    models = write_lab_models(tmp_path / "models")
    stop = threading.Event()
    with ServiceProcess(tmp_path, models=models, stop_timeout=STOP) as service:
        made = {"model": "good", "layer": "logits"}
        reply = httpx2.put(f"{service.url}/collections/all", json=made, trust_env=False)
        assert reply.status_code == 201
        clients = [Asking(service.url, number, stop) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(RESTARTS):
            before = sum(client.answered for client in clients)
            while sum(client.answered for client in clients) < before + 5 * CLIENTS:
                time.sleep(0.01)
            assert service.stop(within=STOP) < STOP
            assert "given up" not in service.last_words
            service.start()
        stop.set()
        for client in clients:
            client.join()
        assert [client.wrong for client in clients] == [[]] * CLIENTS
        assert [client.unanswered for client in clients] == [[]] * CLIENTS
        promised = {k: v for client in clients for k, v in client.acknowledged.items()}
        with httpx2.Client(base_url=service.url, timeout=60, trust_env=False) as http:
            for name, vector in promised.items():
                kept = http.get(f"/collections/all/items/{name}").json()["vector"]
                np.testing.assert_allclose(kept, vector, rtol=1e-6)
            assert http.get("/collections/all").json()["items"] == len(promised)
