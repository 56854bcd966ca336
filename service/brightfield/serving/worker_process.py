"""A worker as the process that starts it holds it, and the line on which it is told what to do."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
"""What a process that serves begins with, where nothing else is set: glibc gives every thread a
heap of its own, and what one has freed no other uses."""

_MOST_SOCKETS = 64
_SIGN = b"\n"
"""With it sockets come, or their descriptions after it."""


class WorkerProcess:
    """A worker. Once started it imports what every worker needs, so it is started before anybody
    has looked at the settings; then it waits to be told the rest (`serving.handover`).

    A session of its own keeps a terminal's Ctrl+C to the supervisor, which passes it on, and makes
    one group of all that the worker starts.
    """

    def __init__(self) -> None:
        end, self._line = _line()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "brightfield.serving.worker"],
            stdin=end,
            start_new_session=True,
            env={**ENVIRONMENT, **os.environ},
        )
        if self._line is not None:
            os.close(end)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def wait(self) -> int:
        """Its exit code, once it has ended; that of a signal is negative."""
        code = self._process.wait()
        if self._line is not None:
            self._line.close()
        return code

    def say(self, line: bytes) -> None:
        """Write to its standard input. One that has died already hears nothing."""
        with contextlib.suppress(OSError):
            if self._line is not None:
                self._line.sendall(line)
            elif self._process.stdin is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()

    def give(self, sockets: Sequence[socket.socket]) -> None:
        """Give it sockets, which it has to `take`. On Windows only the sign that more is told."""
        if sys.platform == "win32" or self._line is None:
            self.say(_SIGN)
            return
        with contextlib.suppress(OSError):
            socket.send_fds(self._line, [_SIGN], [each.fileno() for each in sockets])

    def end(self) -> None:
        """Kill it, with all that it has started."""
        self._process.kill()
        self.wait()
        self.end_group()

    def end_group(self) -> None:
        """End what it has started and left behind, as what a model's code has forked."""
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)


def take(descriptor: int) -> list[socket.socket] | None:
    """In the worker: wait for the sockets that come by its standard input. None if it was closed:
    the supervisor has ended before it knew what a worker is to do."""
    if sys.platform == "win32":
        return [] if os.read(descriptor, len(_SIGN)) else None
    with socket.socket(fileno=os.dup(descriptor)) as line:
        sign, given, _, _ = socket.recv_fds(line, len(_SIGN), _MOST_SOCKETS)
    if not sign:
        return None
    for each in given:
        os.set_inheritable(each, False)
    return [socket.socket(fileno=each) for each in given]


def _line() -> tuple[int, socket.socket | None]:
    """The worker's standard input, and our end of it; on Windows a pipe that `Popen` makes."""
    if sys.platform == "win32":
        return subprocess.PIPE, None
    own, its = socket.socketpair()
    return its.detach(), own
