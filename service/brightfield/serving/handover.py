"""What a worker is given by the process that starts it: one line of JSON on its standard input."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from brightfield.settings import Settings

STOP = b"stop\n"
"""The line that asks a worker to stop; the end of its input says that the supervisor is gone."""


ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
"""What a process that serves begins with, where nothing else is set: glibc gives every thread a
heap of its own, and what one has freed no other uses."""


@dataclass(frozen=True, slots=True)
class Handover:
    """The settings, the sockets that listen, the folder of what survives a worker (`records`), and
    which worker it is, counted from 0."""

    settings: Settings
    sockets: list[socket.socket]
    records: Path
    number: int

    def start(self) -> subprocess.Popen[bytes]:
        """Start a worker and tell it all this.

        A session of its own keeps a terminal's Ctrl+C to the supervisor, which passes it on, and
        makes one group of all that the worker starts.
        """
        command = [sys.executable, "-m", "brightfield.serving.worker"]
        descriptors = () if sys.platform == "win32" else [each.fileno() for each in self.sockets]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            pass_fds=descriptors,
            start_new_session=True,
            env={**ENVIRONMENT, **os.environ},
        )
        say(process, json.dumps(self._message(process.pid)).encode() + b"\n")
        return process

    def _message(self, pid: int) -> dict[str, Any]:
        return {
            "settings": self.settings.model_dump(mode="json"),
            "sockets": [_shared(each, pid) for each in self.sockets],
            "records": str(self.records),
            "number": self.number,
        }

    @classmethod
    def receive(cls, source: IO[bytes]) -> Handover:
        """What the supervisor has told."""
        told = json.loads(source.readline())
        return cls(
            Settings(**told["settings"]),
            [_received(each) for each in told["sockets"]],
            Path(told["records"]),
            told["number"],
        )


def say(process: subprocess.Popen[bytes], line: bytes) -> None:
    """Write to a worker's input. One that has died already hears nothing."""
    if process.stdin is None:
        return
    try:
        process.stdin.write(line)
        process.stdin.flush()
    except OSError:
        pass


def _shared(listener: socket.socket, pid: int) -> int | str:
    """A descriptor that is inherited; on Windows a description, good for one process."""
    if sys.platform == "win32":
        return base64.b64encode(listener.share(pid)).decode()
    return listener.fileno()


def _received(shared: int | str) -> socket.socket:
    if sys.platform == "win32":
        return socket.fromshare(base64.b64decode(str(shared)))
    return socket.socket(fileno=int(shared))
