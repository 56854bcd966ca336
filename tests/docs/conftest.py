"""A live service on a free port, and the photographs that the documentation asks about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import skimage.data
import uvicorn
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
        service = served(data=tmp_path / "data", **settings)
        open_services.append(service)
        return service.__enter__()

    yield start
    for service in open_services:
        service.__exit__(None, None, None)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with cup.png and cat.png."""
    folder = tmp_path / "desk"
    folder.mkdir()
    Image.fromarray(skimage.data.coffee()).save(folder / "cup.png")
    Image.fromarray(skimage.data.chelsea()).save(folder / "cat.png")
    monkeypatch.chdir(folder)
    return folder
