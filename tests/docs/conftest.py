"""A live service on a free port, and the photographs that the documentation asks about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import tifffile
import uvicorn
from numpy.typing import NDArray
from PIL import Image

from brightfield.api.app import create_app
from brightfield.api.http1 import Http1
from brightfield.settings import Settings


@contextmanager
def served(**settings: Any) -> Iterator[str]:
    """The application behind uvicorn; its address as host:port."""
    app = create_app(Settings(**{"device": "cpu", "models": "", **settings}))
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Http1, ws="none", log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service as it comes, with the shipped models."""
    with served(data=tmp_path_factory.mktemp("data")) as found:
        yield found


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts a further service with settings of its own."""
    open_services = []

    def start(**settings: Any) -> str:
        service = served(data=tmp_path / "data", **{"preload": False, **settings})
        open_services.append(service)
        return service.__enter__()

    yield start
    for service in open_services:
        service.__exit__(None, None, None)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder: two photographs, a blood smear, a field of cells and a stack of them."""
    folder = tmp_path / "desk"
    folder.mkdir()
    Image.fromarray(skimage.data.coffee()).save(folder / "cup.png")
    Image.fromarray(skimage.data.chelsea()).save(folder / "cat.png")
    Image.fromarray(_smear()).save(folder / "smear.jpg")
    Image.fromarray(_field()).save(folder / "field.png")
    tifffile.imwrite(
        folder / "stack.tif",
        np.stack([_field()] * 3),
        photometric="minisblack",
        metadata={"axes": "ZYX"},
    )
    monkeypatch.chdir(folder)
    return folder


def _smear() -> NDArray[np.uint8]:
    """Reddish discs on a pale ground, (240, 320, 3)."""
    y, x = np.mgrid[:240, :320]
    inside = (np.hypot(y % 120 - 60, x % 110 - 55) < 45)[..., None]
    return np.where(inside, (200, 120, 130), (235, 225, 220)).astype(np.uint8)


def _field() -> NDArray[np.uint8]:
    """Bright discs on a dark ground, (128, 160)."""
    y, x = np.mgrid[:128, :160]
    return np.where(np.hypot(y % 64 - 32, x % 53 - 26) < 14, 180, 12).astype(np.uint8)
