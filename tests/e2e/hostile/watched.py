"""What requests cost a service, read from outside: CPU seconds and memory of its processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import httpx2
import numpy as np
import psutil

_SPAWN = multiprocessing.get_context("forkserver")
_PAUSE = 0.05


@dataclass(frozen=True)
class Cost:
    """CPU seconds, and bytes of memory above what there was before, at the most."""

    seconds: float
    memory: int


class Watched:
    """A service's process and its children, by the numbers that Linux keeps of them."""

    def __init__(self, pid: int) -> None:
        self.root = psutil.Process(pid)

    def pids(self) -> frozenset[int]:
        return frozenset(process.pid for process in self._all())

    def resident(self) -> int:
        """Bytes in memory."""
        return sum(self._field(process, "VmRSS") for process in self._all())

    @contextmanager
    def measured(self) -> Iterator[Callable[[], Cost]]:
        """Gives, at the end of the block, what it cost."""
        for process in self._all():
            with contextlib.suppress(OSError):  # the peak begins anew
                Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        seconds, memory = self._seconds(), self.resident()
        yield lambda: Cost(self._seconds() - seconds, self._peak() - memory)

    def _all(self) -> list[psutil.Process]:
        return [self.root, *self.root.children(recursive=True)]

    def _seconds(self) -> float:
        total = 0.0
        for process in self._all():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def _peak(self) -> int:
        return sum(self._field(process, "VmHWM") for process in self._all())

    @staticmethod
    def _field(process: psutil.Process, name: str) -> int:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith(name):
                    return int(line.split()[1]) * 1024
        return 0


@dataclass
class Neighbour:
    """Another caller, who sends an ordinary picture again and again and notes how long it takes."""

    url: str
    picture: bytes
    seconds: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """In a process of its own, so that what this one does makes no call longer."""
        ours, theirs = _SPAWN.Pipe()
        caller = _SPAWN.Process(target=_call, args=(theirs, self.url, self.picture), daemon=True)
        caller.start()
        ours.recv()  # it has begun
        try:
            yield
        finally:
            ours.send(None)
            self.seconds, self.refused = ours.recv()
            caller.join()

    def p95(self) -> float:
        """The duration that 19 of 20 calls keep within."""
        return float(np.percentile(self.seconds, 95)) if self.seconds else 0.0


def _call(until: Connection, url: str, picture: bytes) -> None:
    seconds, refused = [], []
    with httpx2.Client(trust_env=False, timeout=60) as client:
        client.post(f"{url}/classify", content=picture)
        until.send(None)
        while not until.poll(_PAUSE):
            start = time.perf_counter()
            reply = client.post(f"{url}/classify", content=picture)
            seconds.append(time.perf_counter() - start)
            if reply.status_code != 200:
                refused.append(reply.status_code)
    until.send((seconds, refused))
