"""A cluster of Ray on this machine, as `brightfield serve --engine ray` starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from ..toys.postgres import schema_on

_UP = 300.0


@contextmanager
def cluster_on(server: str, folder: Path, **settings: Any) -> Iterator[ClusterProcess]:
    """A cluster with a schema of its own on a PostgreSQL, which leaves no process behind."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install '.[ray]'")
    with schema_on(server) as address:
        with ClusterProcess(folder, database_url=address, lease=6, **settings) as running:
            yield running
        assert running.left == []


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class ClusterProcess:
    """`python -m brightfield serve --engine ray` on the loopback, with its log in a file.

    Its balancer has ports of its own, so that other clusters of the machine aren't disturbed.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.log = folder / "log.txt"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        given = {
            "engine": "ray", "port": self.port, "data": folder / "data", "preload": "false",
            "device": "cpu", "threads": 1, "images": "database", "replica_cpus": 0.5,
            "stop_timeout": 20, **settings,
        }  # fmt: skip
        self._environment = {f"BRIGHTFIELD_{name.upper()}": str(v) for name, v in given.items()}
        self._environment |= {
            "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
        }

    def __enter__(self) -> ClusterProcess:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "brightfield"],
                env={**os.environ, **self._environment},
                stdout=log,
                stderr=log,
            )
        try:
            self.wait_until_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        family = self.family()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        _, left = psutil.wait_procs(family, timeout=10)
        for each in left:
            each.kill()
        self.left = [each.pid for each in left]

    def wait_until_up(self) -> None:
        until = time.monotonic() + _UP
        while "Brightfield answers at" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, self.said()
            time.sleep(0.2)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        try:
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def named(self, words: str) -> list[psutil.Process]:
        found = []
        for each in self.family():
            try:
                if words in " ".join(each.cmdline()):
                    found.append(each)
            except psutil.Error:
                continue
        return found

    def replicas(self) -> list[psutil.Process]:
        """The processes of the replicas that Ray has started."""
        return self.named("ServeReplica")

    def addresses(self) -> list[str]:
        """Where each replica answers itself."""
        targets = httpx2.get(f"{self.url}/cluster/targets", trust_env=False, timeout=60).json()
        return [f"http://{target}" for each in targets for target in each["targets"]]

    def renew(self) -> None:
        """Have all replicas replaced."""
        self.process.send_signal(signal.SIGUSR1)
