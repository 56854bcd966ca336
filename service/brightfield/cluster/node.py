"""The processes of Ray on this machine, started by `ray start` and ended with the service."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

import psutil

from brightfield.settings import Settings

_STORE_BYTES = 2**27  # shared memory for objects, of which the service passes none
_PORT = 6379
_CLIENT_PORT = 20_001
_PORTS = 100  # tried one after the other, since it is also that of Redis
_UP = 120.0  # seconds in which Ray has started
_REPLICA = "ServeReplica"
_LINES = 2**16  # bytes of what Ray says at its start


def free_port(first: int, host: str) -> int:
    """The first port from `first` on where nobody listens. Raises `ValueError` if all are taken."""
    for port in range(first, first + _PORTS):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                tried.bind((host, port))
                return int(tried.getsockname()[1])
    raise ValueError(f"The ports from {first} to {first + _PORTS - 1} are all taken.")


def own_address(settings: Settings) -> str | None:
    """The address of this machine as the others know it; None where Ray finds it."""
    if settings.only_here:
        return "127.0.0.1"
    named = settings.address.rpartition(":")[0] or settings.address
    everywhere = settings.host.strip("[]") in ("0.0.0.0", "::")
    return named or (None if everywhere else settings.host)


def reached_at(settings: Settings, port: int) -> str:
    """Where the other machines reach a port of this one."""
    host = own_address(settings) or _guess()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def usable_processors() -> int | None:
    """How many processors this process may use, if they are fewer than the machine has."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = len(os.sched_getaffinity(0))
    return usable if usable < (os.cpu_count() or usable) else None


@dataclass
class RayNode:
    """A node of a cluster: its head, if it joins none."""

    settings: Settings
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    _said: IO[bytes] | None = None

    @property
    def address(self) -> str:
        """Where the cluster is found, as seen from here."""
        return self.settings.cluster or reached_at(self.settings, self.port)

    def start(self) -> None:
        """Returns when the node is up. Raises `ValueError` with what Ray says if it isn't.

        A session of its own keeps a terminal's Ctrl+C from it: it ends after the service.
        """
        if not self.settings.cluster:
            self.port = free_port(_PORT, "0.0.0.0")
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", *self.arguments()]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "brightfield.cluster.guard", *ray],
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        until = time.monotonic() + _UP
        while b"Ray runtime started" not in self.said:
            if self.process.poll() is not None or time.monotonic() > until:
                raise ValueError(f"Ray doesn't start here; it says:\n{self.last_words()}")
            time.sleep(0.1)

    def arguments(self) -> list[str]:
        """Those of `ray start`: without what the service has no use for, as far as Ray lets it."""
        own, processors = own_address(self.settings), usable_processors()
        place = ["--address", self.settings.cluster]
        if not self.settings.cluster:
            place = ["--head", "--port", str(self.port), "--no-monitor"]
            place += ["--include-dashboard", "false"]
            # It is started in any case; its default port is free on one cluster's machine only.
            place += ["--ray-client-server-port", str(free_port(_CLIENT_PORT, "0.0.0.0"))]
        return [
            *("--block", "--disable-usage-stats", "--include-log-monitor", "false"),
            *("--object-store-memory", str(_STORE_BYTES)),
            *(["--node-ip-address", own] if own else []),
            *(["--num-cpus", str(processors)] if processors else []),
            *place,
        ]

    @property
    def said(self) -> bytes:
        """What `ray start` has written so far."""
        return b"" if self._said is None else os.pread(self._said.fileno(), _LINES, 0)

    def last_words(self) -> str:
        """The end of that."""
        return "\n".join(self.said.decode(errors="replace").strip().splitlines()[-12:])

    @property
    def ended(self) -> bool:
        """Whether Ray has ended on this machine."""
        return self.process is None or self.process.poll() is not None

    @property
    def replicas(self) -> int:
        """How many replicas run on this node."""
        if self.process is None:
            return 0
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return 0
        return sum(_REPLICA in word for each in family for word in _words(each))

    def stop(self, seconds: float) -> None:
        """End all of its processes, whatever they do, within so many seconds."""
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _guess() -> str:
    """This machine's address, as Ray finds it."""
    import ray.util

    return str(ray.util.get_node_ip_address())
