"""A service that is killed again and again loses no chunk that it acknowledged."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

CHUNKS, ROWS, WRITERS, KILLS = 1000, 5, 4, 3
OPTIONS = {"task": "classification", "name": "survivor", "ci": {"resamples": 50}}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Service:
    """The service in a process of its own, which can be killed and started again."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        settings = {"PORT": self.port, "DATA": folder, "DATABASE_URL": database_url}
        settings |= {"PRELOAD": "false", "DEVICE": "cpu", "THREADS": 1, "LOG_LEVEL": "error"}
        named = {f"BRIGHTFIELD_{name}": str(value) for name, value in settings.items()}
        self._environment = {**os.environ, **named, "OMP_NUM_THREADS": "1"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "brightfield"]
        self._process = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while True:
            assert self._process.poll() is None, "the service did not start"
            try:
                if httpx2.get(f"{self.url}/livez", trust_env=False).status_code == 200:
                    return
            except httpx2.HTTPError:
                time.sleep(0.05)

    def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def running(service: Service) -> Iterator[Service]:
    service.start()
    try:
        yield service
    finally:
        service.kill()


def chunk(number: int) -> dict[str, list[Any]]:
    rng = np.random.default_rng(number)
    truth = rng.integers(0, 2, ROWS)
    scores = np.clip(rng.normal(0.4 + 0.2 * truth, 0.3), 0, 1)
    return {"truth": truth.tolist(), "scores": scores.tolist(),
            "ids": [f"{number}/{row}" for row in range(ROWS)]}  # fmt: skip


class Writer(threading.Thread):
    """Posts its chunks, each until it is acknowledged, and some of them twice."""

    def __init__(self, url: str, run: str, numbers: list[int], seed: int) -> None:
        super().__init__(daemon=True)
        self._url, self._chunks, self._numbers = url, f"/metrics/runs/{run}/chunks", numbers
        self._chance = random.Random(seed)
        self.acknowledged = 0
        self.refused: list[str] = []

    def run(self) -> None:
        with httpx2.Client(base_url=self._url, timeout=20, trust_env=False) as client:
            for number in self._numbers:
                for _ in range(1 + (self._chance.random() < 0.1)):
                    self._post(client, number)
                self.acknowledged += 1

    def _post(self, client: httpx2.Client, number: int) -> None:
        while True:
            try:
                reply = client.put(f"{self._chunks}/{number}", json=chunk(number))
            except httpx2.HTTPError:
                time.sleep(0.05)
                continue
            if reply.status_code in (200, 201):
                return
            if reply.status_code not in (429, 503):
                self.refused.append(reply.text)
                return


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_kill_9_loses_nothing(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else ""
    chance = random.Random(f"{database} 1")
    with running(Service(tmp_path / "data", url)) as service:
        ask = httpx2.Client(base_url=service.url, timeout=60, trust_env=False)
        run = ask.post("/metrics/runs", json=OPTIONS).json()["id"]
        numbers = random.Random(2).sample(range(CHUNKS), CHUNKS)
        writers = [
            Writer(service.url, run, numbers[index::WRITERS], index) for index in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        for moment in sorted(chance.sample(range(CHUNKS // 20, CHUNKS - CHUNKS // 5), KILLS)):
            while sum(writer.acknowledged for writer in writers) < moment:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.02))
            service.kill()
            service.start()
        for writer in writers:
            writer.join()
        assert [writer.refused for writer in writers] == [[]] * WRITERS
        service.kill()
        service.start()
        assert ask.post("/metrics/runs", json=OPTIONS).json()["rows"] == CHUNKS * ROWS
        found = ask.get(f"/metrics/runs/{run}")
        rows = [chunk(number) for number in range(CHUNKS)]
        whole = {name: [v for row in rows for v in row[name]] for name in rows[0]}
        once = ask.post("/metrics", json={**whole, "ci": OPTIONS["ci"]})
        ask.close()
    report = found.json()
    named = {"id": run, "name": "survivor", "chunks": CHUNKS, "rows": CHUNKS * ROWS}
    assert report.pop("run") == named
    assert report == once.json()
    assert found.content[: len(once.content) - 1] == once.content[:-1]  # byte for byte
