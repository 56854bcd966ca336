"""The app as a replica has it: up when it can answer, drained before it ends, well or not."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from brightfield.cluster.hosted_app import HostedApp, Unwell
from brightfield.cluster.records import ReplicaRecords
from brightfield.cluster.scaling import BACKLOG, PLACES
from brightfield.errors import BrightfieldError
from brightfield.settings import Settings


def hosted(folder: Path, clock: Callable[[], float] = time.monotonic) -> HostedApp:
    return HostedApp(Settings(data=folder, preload=False, device="cpu"), clock)


async def lifespan(app: HostedApp, *told: str) -> list[str]:
    """What the app says to a server that tells it this."""
    said = []
    left = list(told)

    async def receive() -> dict[str, str]:
        return {"type": f"lifespan.{left.pop(0)}"}

    async def send(message: Any) -> None:
        said.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    return said


def asked(app: HostedApp) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost")


def test_in_a_pool_it_answers_as_anywhere(tmp_path: Path) -> None:
    async def test() -> None:
        app = HostedApp(
            Settings(data=tmp_path, preload=False, device="cpu", serves="!imagenet-lite0"),
            place="/pools/large",
        )
        await app.open()

        async def below(scope: Any, receive: Any, send: Any) -> None:
            """As Ray calls it."""
            await app({**scope, "root_path": app.place}, receive, send)

        transport = httpx2.ASGITransport(below)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            foreign = {"Host": "10.0.0.2:30001"}  # as Prometheus calls it
            assert (await client.get("/pools/large/metrics", headers=foreign)).status_code == 200
            refused = await client.post("/pools/large/classify", content=b"x")
            assert refused.json()["code"] == "model_not_served"
            assert (await client.get("/pools/large/nothing")).status_code == 404
        await lifespan(app, "startup", "shutdown")

    asyncio.run(test())


def test_it_answers_drains_and_ends(tmp_path: Path) -> None:
    async def test() -> None:
        app = hosted(tmp_path)
        await app.open()
        app.check()
        assert app.load() == {BACKLOG: 0.0, PLACES: 0.0}
        app.answers_at(30001)
        async with asked(app) as client:
            assert (await client.get("/readyz")).status_code == 200
            targets = (await client.get("/cluster/targets")).json()
            assert [each["targets"] for each in targets] == [["127.0.0.1:30001"]]
            await app.drain()
            await app.drain()
            job = await client.post(
                "/metrics",
                json={"task": "classification", "labels": [0, 1], "scores": [0.1, 0.9]},
                headers={"Prefer": "respond-async"},
            )
            assert job.status_code == 202, job.text
            events = await client.get(f"{job.headers['location']}/events")
            assert b"event: end" not in events.content  # come back, to another replica
            assert (await client.get(job.headers["location"])).json()["state"] == "queued"
            assert (await client.get("/livez")).status_code == 200
        assert await lifespan(app, "startup", "shutdown") == [
            "lifespan.startup.complete",
            "lifespan.shutdown.complete",
        ]

    before = threading.active_count()
    asyncio.run(test())
    assert threading.active_count() <= before


def test_what_is_wrong_at_the_start_is_raised(tmp_path: Path) -> None:
    (tmp_path / "brightfield.db").write_bytes(b"not a database" * 100)
    with pytest.raises(BrightfieldError, match="database"):
        asyncio.run(hosted(tmp_path).open())


def test_it_is_unwell_only_where_another_process_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = SimpleNamespace(name="cpu", state="down")
    now = [1.0]
    app = hosted(tmp_path, lambda: now[0])
    monkeypatch.setattr(app, "engine", SimpleNamespace(lanes=[lane]))
    app.check()
    now[0] = 10.9
    app.check()
    now[0] = 11.1
    with pytest.raises(Unwell, match="cpu"):
        app.check()


def test_a_model_that_ends_replicas_is_set_aside(tmp_path: Path) -> None:
    """Two replicas die of it, and the next one knows; one that is killed blames no model."""
    folder = tmp_path / "replicas"
    script = (
        "import os, sys; from pathlib import Path; from brightfield.cluster.records import *\n"
        "records = ReplicaRecords(Path(sys.argv[1]))\n"
        "records.flights.say_up()\n"
        "with records.flights.of(sys.argv[2]):\n"
        " if sys.argv[2] == 'deadly': records.flights.say_exit(); os._exit(7)\n"
        " os.kill(os.getpid(), 9)"
    )
    for model, code in 2 * (("deadly", 7), ("good", -signal.SIGKILL)):
        done = subprocess.run([sys.executable, "-c", script, folder, model], check=False)
        assert done.returncode == code
    records = ReplicaRecords(folder)
    assert records.quarantine.reason("deadly") is not None
    assert records.quarantine.reason("good") is None
    records.close()
    assert [each.name for each in folder.iterdir()] == ["quarantine.json"]
