"""The whole service, supervisor and worker, as a user starts it."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
from PIL import Image

FULL = os.environ.get("BRIGHTFIELD_FULL") == "1"
"""Whether tests run in their full size, which takes many minutes."""


def picture(color: str = "gray") -> bytes:
    """A PNG; a white one sets misbehaving models off."""
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), color).save(buffer, "PNG")
    return buffer.getvalue()


@contextmanager
def _hearing_interrupts() -> Iterator[None]:
    """A shell lets what it starts in the background ignore Ctrl+C, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class ServiceProcess:
    """`python -m brightfield` on a free port, with its log in a file."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        given = {
            "port": port, "data": folder / "data", "preload": "false", "device": "cpu",
            "threads": 1, "trust_model_code": "true", **settings,
        }  # fmt: skip
        self._environment = {f"BRIGHTFIELD_{name.upper()}": str(v) for name, v in given.items()}

    def __enter__(self) -> ServiceProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)

    def start(self) -> None:
        """Returns when it answers."""
        with self.log.open("ab") as log, _hearing_interrupts():
            self.process = subprocess.Popen(
                [sys.executable, "-m", "brightfield"],
                env={**os.environ, **self._environment},
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            try:
                httpx2.get(f"{self.url}/livez", trust_env=False, timeout=60)
                return
            except httpx2.ConnectError:
                assert time.monotonic() < until
                time.sleep(0.05)

    def worker(self) -> psutil.Process:
        (found,) = [
            child
            for child in psutil.Process(self.process.pid).children()
            if "brightfield.serving.worker" in child.cmdline()
        ]
        return found

    def stop(self, within: float) -> float:
        """Ask it to stop; the seconds until it has ended, which are no more than so many. Nothing
        that it started is left, and the log has no traceback of the end."""
        family = [
            psutil.Process(self.process.pid),
            *psutil.Process(self.process.pid).children(True),
        ]
        said = len(self.log.read_text(errors="replace"))
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(within) == 0
        seconds = time.monotonic() - begin
        psutil.wait_procs(family, timeout=1)
        assert [each for each in family if each.is_running()] == []
        self.last_words = self.log.read_text(errors="replace")[said:]
        assert "Traceback" not in self.last_words
        return seconds
