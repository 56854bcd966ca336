"""A service that is killed again and again loses no chunk that it acknowledged."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from .killable import Service, running

CHUNKS, ROWS, WRITERS, KILLS = 1000, 5, 4, 3
OPTIONS = {"task": "classification", "name": "survivor", "ci": {"resamples": 50}}


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
def test_kill_9_loses_nothing(database_url: str, tmp_path: Path) -> None:
    chance = random.Random(1)
    with running(Service(tmp_path / "data", database_url)) as service:
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
