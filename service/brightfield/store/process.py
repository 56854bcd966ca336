"""Which process this is, so another one on the same machine can tell that it has ended."""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_SAME_START = 2.0  # seconds by which a clock that is being set may move a start time


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process by its number, which means something within its `place` alone."""

    host: str
    place: str
    """The machine since its last start, and the container: within it a number is one process."""
    pid: int
    began: float
    """Seconds since 1970; tells a process from a later one with the same number."""

    @property
    def has_ended(self) -> bool:
        """Whether it is known to have ended. False for a process of another place."""
        if self.place != _place():
            return False
        try:
            return abs(psutil.Process(self.pid).create_time() - self.began) >= _SAME_START
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False


def this_process() -> ProcessIdentity:
    """The process that asks."""
    began = round(psutil.Process().create_time(), 3)
    return ProcessIdentity(socket.gethostname(), _place(), os.getpid(), began)


def _place() -> str:
    """Two containers of one machine may have one host name, and never one namespace of processes.
    On systems without /proc nobody but a container's own machine has its network card."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    return f"{socket.gethostname()}/{uuid.getnode():x}"
