"""A service in a database and namespaces of its own: machines, as far as one machine can be two.

A node has a network, processes, a host name and a /tmp of its own, and one core. Needs Linux and
root; `benchmarks/cluster.py` measures with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
from postgres import server

PORT = 8000
SEEN = "/var/tmp"
"""A folder that every namespace sees: each has a /tmp of its own."""
TOKEN = "0123456789abcdef" * 2
BRIDGE, NETWORK = "bf-bridge", "10.77.0"


def environment(folder: Path, url: str, **settings: Any) -> dict[str, str]:
    """That of a service whose models cost nothing, or are the shipped ones."""
    given = {
        "engine": "ray", "database_url": url, "images": "database", "data": folder,
        "models": "", "trust_model_code": "true", "preload": "false", "device": "cpu",
        "threads": 1, "backend": "eager", "require_keys": "never", "log_level": "warning",
        "max_in_flight": 256, "replica_cpus": 1, **settings,
    }  # fmt: skip
    own = {f"BRIGHTFIELD_{name.upper()}": str(value) for name, value in given.items()}
    return {**os.environ, "RAY_AUTH_TOKEN": TOKEN, **own}


@contextlib.contextmanager
def network(count: int) -> Iterator[None]:
    """A bridge on this machine, and `count` network namespaces on it."""
    _ip(f"link add {BRIDGE} type bridge")
    _ip(f"addr add {NETWORK}.1/24 dev {BRIDGE}")
    _ip(f"link set {BRIDGE} up")
    try:
        for number in range(2, 2 + count):
            name = f"bf{number}"
            _ip(f"netns add {name}")
            _ip(f"link add {name}a type veth peer name {name}b")
            _ip(f"link set {name}a master {BRIDGE} up")
            _ip(f"link set {name}b netns {name}")
            _ip(f"-n {name} addr add {NETWORK}.{number}/24 dev {name}b")
            _ip(f"-n {name} link set {name}b up")
            _ip(f"-n {name} link set lo up")
            _ip(f"-n {name} route add default via {NETWORK}.1")
        yield
    finally:
        for number in range(2, 2 + count):
            subprocess.run(["ip", "netns", "del", f"bf{number}"], check=False)
        subprocess.run(["ip", "link", "del", BRIDGE], check=False)


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


@dataclass
class SeparateNode:
    """A machine, as far as namespaces make one: a network, processes and a /tmp of its own."""

    number: int
    folder: Path
    url: str
    settings: dict[str, Any] = field(default_factory=dict)
    core: int | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"{NETWORK}.{self.number}"

    @property
    def address(self) -> str:
        return f"http://{self.host}:{PORT}"

    def start(self) -> None:
        settings = {"host": "0.0.0.0", "address": f"{self.host}:{PORT}", "port": PORT,
                    "allowed_hosts": "*", "lease": 6, **self.settings}  # fmt: skip
        if self.number > 2:
            settings["cluster"] = f"{NETWORK}.2:6379"
        own = [sys.executable, "-m", "brightfield", "serve"]
        pinned = [] if self.core is None else ["taskset", "-c", str(self.core)]
        inside = f'mount -t tmpfs tmpfs /tmp && hostname node{self.number} && exec "$@"'
        command = [
            *("ip", "netns", "exec", f"bf{self.number}"),
            *("unshare", "-m", "-u", "-p", "-f", "--mount-proc", "--kill-child"),
            *("sh", "-c", inside, "sh", *pinned, *own),
        ]
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment(self.folder, self.url, **settings), stdout=log, stderr=log
            )

    def kill(self) -> None:
        """All of its processes at once: the first one of the namespace takes the others with it."""
        if self.process is not None:
            for each in psutil.Process(self.process.pid).children():
                each.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        for each in psutil.Process(self.process.pid).children():
            each.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        with contextlib.suppress(psutil.NoSuchProcess):
            self.kill()

    def wait_up(self) -> None:
        eventually(lambda: status(f"{self.address}/-/healthz") == 200, 300)


def status(url: str) -> int:
    try:
        return httpx2.get(url, timeout=5, trust_env=False).status_code
    except httpx2.HTTPError:
        return 0


def eventually(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError("it did not happen")
        time.sleep(0.3)


def replicas(node: SeparateNode) -> int:
    try:
        told = httpx2.get(f"{node.address}/cluster", timeout=5, trust_env=False).json()
        return len({each["host"] for each in told["replicas"]})
    except (httpx2.HTTPError, ValueError, KeyError):
        return 0


@contextlib.contextmanager
def two_nodes(count: int = 2, **settings: Any) -> Iterator[list[SeparateNode]]:
    """Nodes of one core each that answer as one service."""
    with server(SEEN) as url, tempfile.TemporaryDirectory(dir=SEEN) as folder, network(count):
        nodes = [
            SeparateNode(number, Path(folder) / str(number), url, dict(settings), number - 2)
            for number in range(2, 2 + count)
        ]
        try:
            nodes[0].start()
            nodes[0].wait_up()
            for each in nodes[1:]:
                each.start()
            yield nodes
        finally:
            for each in reversed(nodes):
                each.stop()
