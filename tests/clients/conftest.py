"""A service that answers from memory, and the real one over a socket."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
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


@pytest.fixture(scope="session", autouse=True)
def violations() -> Iterator[list[str]]:
    """What the OpenAPI document does not describe of the replies so far."""
    if find_spec("fastapi") is None:  # where the client alone is installed
        yield []
        return
    from ..api.conformance import watched_applications

    with watched_applications() as found:
        yield found


@pytest.fixture(autouse=True)
def every_reply_conforms(violations: list[str]) -> Iterator[None]:
    """Fails a test in which the real service answered otherwise than its document says."""
    violations.clear()
    yield
    assert not violations, "\n".join(violations)


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


TOYS = {
    "boxes": ("detect", 'threshold = 0.6\nactivation = "sigmoid"'),
    "shades": ("segment", 'activation = "sigmoid"'),
    "twice": ("superresolve", 'activation = "none"\nscale = 2'),
}
LABELS = '[[labels]]\nname = "bright"\ncolor = [255, 0, 0]\n[[labels]]\nname = "dark"\n'
NETS = """
import torch
from torch import nn

from brightfield.models.architecture import Candidates


class Shades(nn.Module):
    def forward(self, images):
        mean = images.mean(dim=1, keepdim=True)
        return torch.cat([40 * (mean - 0.75), 40 * (0.25 - mean)], dim=1)


class Boxes(nn.Module):
    def forward(self, images):
        shade = nn.functional.avg_pool2d(images, 8).mean(dim=1)
        rows, columns = torch.meshgrid(
            8.0 * torch.arange(shade.shape[1]) + 4, 8.0 * torch.arange(shade.shape[2]) + 4,
            indexing="ij",
        )
        points = torch.stack([columns, rows], -1).reshape(1, -1, 2).expand(len(images), -1, -1)
        scores = shade.reshape(len(images), -1, 1)
        logits = torch.cat([40 * (scores - 0.75), 40 * (0.25 - scores)], dim=-1)
        return Candidates(torch.cat([points - 4, points + 4], -1), logits, points)


class Twice(nn.Module):
    def forward(self, images):
        return nn.functional.interpolate(images, scale_factor=2)
"""


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models without weights: boxes of 8 x 8 pixels and pixels by their brightness, and an
    enlarger that repeats pixels."""
    folder = tmp_path_factory.mktemp("toys")
    for name, (task, output) in TOYS.items():
        model = folder / name
        model.mkdir()
        (model / "nets.py").write_text(NETS)
        labels = "" if task == "superresolve" else LABELS
        (model / "card.toml").write_text(
            f'id = "{name}"\nversion = "1"\ntask = "{task}"\nlicence = "MIT"\n'
            f'[architecture]\nname = "python:nets.py:{name.capitalize()}"\n'
            f'[input]\nsize = {{ multiple = 8 }}\nintensity = "dtype"\n'
            f"[output]\n{output}\n{labels}"
        )
    return folder


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, toys: Path) -> Any:
    """The real application with the shipped models and the toys."""
    create_app = pytest.importorskip("brightfield.api.app").create_app
    settings = pytest.importorskip("brightfield.settings").Settings
    return create_app(
        settings(
            data=tmp_path_factory.mktemp("data"),
            device="cpu",
            models=str(toys),
            trust_model_code=True,
            preload=False,
        )
    )


@contextmanager
def _served(app: Any) -> Iterator[str]:
    """An application behind uvicorn on a free port of this machine."""
    uvicorn = pytest.importorskip("uvicorn")
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


@pytest.fixture(scope="session")
def service_url(app: Any) -> Iterator[str]:
    """The real application."""
    with _served(app) as url:
        yield url


@pytest.fixture
def postgres_service_url(tmp_path: Path, postgres_url: str) -> Iterator[str]:
    """The real application with its store in PostgreSQL."""
    create_app = pytest.importorskip("brightfield.api.app").create_app
    settings = pytest.importorskip("brightfield.settings").Settings
    given = {"data": tmp_path / "data", "database_url": postgres_url, "preload": False}
    with _served(create_app(settings(device="cpu", models="", **given))) as url:
        yield url
