"""Code of models that raises what it should not, over HTTP: each time a problem document."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from brightfield.api.app import create_app
from brightfield.api.last_resort import LastResort
from brightfield.settings import Settings
from brightfield_client.in_process import InProcess
from tests.serving.service import picture
from tests.toys.lab_models import write_lab_models

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    folder = tmp_path_factory.mktemp("lab")
    settings = Settings(
        data=folder / "data", models=write_lab_models(folder / "models"), trust_model_code=True,
        preload=False, device="cpu", threads=1, lane_timeout=1,
    )  # fmt: skip
    transport = InProcess(create_app(settings))
    with httpx2.Client(base_url="http://localhost", transport=transport, timeout=30) as client:
        yield client


def ended(client: httpx2.Client, reply: httpx2.Response) -> dict[str, Any]:
    """A job when it is over."""
    until = time.monotonic() + 20
    while (job := client.get(reply.headers["location"]).json())["state"] in ("queued", "running"):
        assert time.monotonic() < until
        time.sleep(0.02)
    found: dict[str, Any] = job
    return found


@pytest.mark.parametrize(
    ("model", "status", "code", "cause"),
    [
        ("exits", 503, "model_failed", "SystemExit"),
        ("load-exits", 422, "invalid_card", "SystemExit: 1"),
        ("nan", 503, "model_failed", "has NaN among its outputs"),
        ("loops", 503, "model_hangs", "did not return within"),
    ],
)
def test_the_cause_is_told_at_once_and_by_a_job(
    client: httpx2.Client, model: str, status: int, code: str, cause: str
) -> None:
    path, image = f"/classify?model={model}", picture("white")
    reply = client.post(path, content=image)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["code"] == code and cause in reply.json()["detail"]
    job = ended(client, client.post(path, content=image, headers=ASYNC))
    assert job["state"] == "failed" and job["problem"]["code"] == code
    assert client.post("/classify?model=good", content=image).status_code == 200


def test_a_model_that_is_set_aside_says_so_until_it_is_loaded_anew(client: httpx2.Client) -> None:
    for _ in range(2):
        client.post("/classify?model=sleeps", content=picture("white"))
    assert client.get("/models/sleeps").json()["state"] == "quarantined"
    refused = client.post("/classify?model=sleeps", content=picture("green"))
    assert (refused.status_code, refused.json()["code"]) == (503, "model_quarantined")
    assert "POST /models/sleeps/load?anew=true" in refused.json()["detail"]
    assert client.post("/models/sleeps/load").json()["code"] == "model_quarantined"
    assert client.post("/models/sleeps/load?anew=true").status_code == 200
    assert client.post("/classify?model=sleeps", content=picture("green")).status_code == 200


def test_the_device_is_not_ready_while_it_is_at_one_batch_for_long(client: httpx2.Client) -> None:
    assert client.get("/readyz").status_code == 200
    client.post("/models/loops/load?anew=true")
    client.post("/classify?model=loops", content=picture("white"), headers=ASYNC)
    until = time.monotonic() + 10
    while (reply := client.get("/readyz")).status_code == 200:
        assert time.monotonic() < until
    assert reply.json()["code"] == "lane_busy" and "model loops" in reply.json()["detail"]
    text = client.get("/metrics").text
    (line,) = [e for e in text.splitlines() if e.startswith("brightfield_lane_busy_seconds{")]
    assert float(line.split()[-1]) > 0.5
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < until


class TestLastResort:
    @pytest.mark.parametrize("end", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()])
    def test_what_would_end_the_event_loop_becomes_an_error(self, end: BaseException) -> None:
        async def app(*_: object) -> None:
            raise end

        with pytest.raises(RuntimeError, match="has ended a request"):
            asyncio.run(_called(LastResort(app)))

    def test_a_real_cancellation_goes_on(self) -> None:
        async def app(*_: object) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(1)

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(_called(LastResort(app)))


async def _called(app: LastResort) -> None:
    class State:
        stopping = False

    class Application:
        state = State()

    async def nothing(*_: object) -> Any:
        return None

    await app({"type": "http", "app": Application(), "request_id": "req_1"}, nothing, nothing)
