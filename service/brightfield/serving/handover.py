"""What a worker is told by the process that starts it: one line of JSON on its standard input."""

from __future__ import annotations

import base64
import io
import json
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brightfield.serving.worker_process import WorkerProcess
from brightfield.settings import Settings

STOP = b"stop\n"
"""The line that asks a worker to stop; the end of its input says that the supervisor is gone."""


@dataclass(frozen=True, slots=True)
class Handover:
    """The settings, the sockets that listen, the folder of what survives a worker (`records`), and
    which worker it is, counted from 0."""

    settings: Settings
    sockets: list[socket.socket]
    records: Path
    number: int

    def tell(self, worker: WorkerProcess) -> None:
        """Tell a worker all this."""
        worker.give(self.sockets)
        told = {
            "settings": self.settings.model_dump(mode="json"),
            "sockets": _described(self.sockets, worker.pid),
            "records": str(self.records),
            "number": self.number,
        }
        worker.say(json.dumps(told).encode() + b"\n")

    @classmethod
    def receive(cls, given: list[socket.socket], source: io.FileIO) -> Handover:
        """What the supervisor has told besides the sockets that were `given`."""
        told: dict[str, Any] = json.loads(source.readline())
        sockets = given + [_shared(each) for each in told["sockets"]]
        return cls(Settings(**told["settings"]), sockets, Path(told["records"]), told["number"])


def _described(sockets: list[socket.socket], pid: int) -> list[str]:
    """On Windows each socket as a text that is good for one process."""
    if sys.platform == "win32":
        return [base64.b64encode(each.share(pid)).decode() for each in sockets]
    return []


def _shared(text: str) -> socket.socket:
    if sys.platform == "win32":
        return socket.fromshare(base64.b64decode(text))
    raise ValueError("sockets come as such")
