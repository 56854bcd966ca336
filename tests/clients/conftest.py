"""A service that answers from memory, and the real one over a socket."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import numpy as np
import pytest

from brightfield_client import Client

Handler = Callable[[httpx2.Request], httpx2.Response]


def _encoded(array: np.ndarray) -> dict[str, Any]:
    """An array as design section 3 writes it, by the standard library alone."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    data = base64.b64encode(little.tobytes()).decode()
    return {"shape": list(array.shape), "dtype": array.dtype.name, "data": data}


def _enveloped(result: dict[str, Any], task: str = "classify") -> dict[str, Any]:
    """An envelope as design section 3 draws it."""
    return {
        "id": "req_1",
        "task": task,
        "model": {"id": "tiny", "version": "1", "sha256": "ab"},
        "image": {"width": 4, "height": 3},
        "result": result,
        "warnings": [{"code": "alpha_dropped", "detail": "Alpha was dropped."}],
        "timing_ms": {"forward": 1.5},
        "batch_size": 2,
    }


CAT = {"predictions": [{"label": "cat", "class_id": 3, "score": 0.9}]}


class FakeService:
    """Keeps every request and answers with what `reply` makes of it."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []
        self.reply: Handler = lambda _: httpx2.Response(200, json=_enveloped(CAT))
        self._lock = threading.Lock()

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        with self._lock:
            self.requests.append(request)
        return self.reply(request)

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        return self(request)

    @property
    def last(self) -> httpx2.Request:
        return self.requests[-1]


@pytest.fixture(scope="session")
def encoded() -> Callable[..., dict[str, Any]]:
    return _encoded


@pytest.fixture(scope="session")
def enveloped() -> Callable[..., dict[str, Any]]:
    return _enveloped


@pytest.fixture
def fake() -> FakeService:
    return FakeService()


@pytest.fixture
def client(fake: FakeService) -> Iterator[Client]:
    with Client("http://fake", transport=httpx2.MockTransport(fake)) as made:
        yield made


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of `Client`, which then take no time."""
    waited: list[float] = []
    monkeypatch.setattr(Client, "pause", lambda self, seconds: waited.append(seconds))
    return waited


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real application behind uvicorn on a free port of this machine."""
    uvicorn = pytest.importorskip("uvicorn")
    create_app = pytest.importorskip("brightfield.api.app").create_app
    settings = pytest.importorskip("brightfield.settings").Settings
    app = create_app(settings(data=tmp_path_factory.mktemp("data"), device="cpu"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, ws="none", log_level="error", lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)
