"""The service in a process of its own, which can be killed and started again."""

from __future__ import annotations

import multiprocessing
import pkgutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

import brightfield
from brightfield.api.app import create_app
from brightfield.api.logs import configure
from brightfield.serving.server import Server
from brightfield.settings import Settings

# Starts as a fork of a process that has imported everything already, what catalogs discover too: a
# restart takes no seconds.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        module.name
        for module in pkgutil.walk_packages(brightfield.__path__, "brightfield.")
        if ".migrations" not in module.name
    ]
)


def serve(settings: Settings) -> None:
    """The worker alone: a supervisor would start another one by itself."""
    configure(settings)
    Server(create_app(settings), settings).run()


class Service:
    """A service on a free port of this machine; without a `database_url` its store is SQLite."""

    def __init__(self, folder: Path, database_url: str, **further: Any) -> None:
        scheme = "https" if further.get("tls_certificate") else "http"
        self.url = f"{scheme}://127.0.0.1:{(port := _free_port())}"
        self.settings = Settings(
            port=port, data=folder, database_url=database_url, preload=False, device="cpu",
            log_level="error", **{"threads": 1, **further},
        )  # fmt: skip

    def start(self) -> None:
        self._process = _FORKS.Process(target=serve, args=(self.settings,), daemon=True)
        self._process.start()
        while True:
            assert self._process.is_alive(), "the service did not start"
            try:
                live = httpx2.get(f"{self.url}/livez", trust_env=False, verify=False)
                if live.status_code == 200:
                    return
            except httpx2.HTTPError:
                time.sleep(0.02)

    @property
    def pid(self) -> int:
        """Of the process that was started; it may have children."""
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()  # SIGKILL
        self._process.join()


@contextmanager
def running(service: Service) -> Iterator[Service]:
    service.start()
    try:
        yield service
    finally:
        service.kill()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
