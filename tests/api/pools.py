"""Services of this process that answer at sockets of their own, so that one can ask another."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from brightfield.api.app import create_app
from brightfield.api.cluster.pools import Pools
from brightfield.api.http1 import Http1
from brightfield.api.jobs.parts import JobParts
from brightfield.settings import Settings


@dataclass
class PoolService:
    """A service at a port of the loopback, which its settings are made with."""

    settings_of: Callable[..., Settings]
    values: dict[str, Any]
    client: httpx2.Client = field(init=False)

    def __enter__(self) -> PoolService:
        self._socket = listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        settings = self.settings_of(port=self.port, **self.values)
        self.app: FastAPI = create_app(settings)
        chain, key = settings.tls_certificate, settings.tls_key
        config = uvicorn.Config(
            self.app, http=Http1, log_config=None, ssl_certfile=chain, ssl_keyfile=key
        )
        self._server = uvicorn.Server(config)
        run = self._server.run
        self._thread = threading.Thread(target=run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the service did not start"
            time.sleep(0.01)
        url = f"{'https' if chain else 'http'}://127.0.0.1:{self.port}"
        self.client = httpx2.Client(base_url=url, trust_env=False, timeout=60, verify=not chain)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    @property
    def parts(self) -> JobParts:
        parts: JobParts = self.app.state.jobs
        return parts

    @property
    def pools(self) -> Pools:
        pools: Pools = self.app.state.services.passing.pools
        return pools

    def counted(self, series: str) -> float:
        """The value of one of its counters; 0 if nothing was counted."""
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))
