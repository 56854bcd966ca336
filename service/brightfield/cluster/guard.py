"""A process that takes care that nothing of Ray outlives the service.

`python -m brightfield.cluster.guard COMMAND...` runs the command. When that ends, when it is told
to stop (SIGTERM), or when its standard input ends, as it does with the service, it kills all that
the command has started, also what has lost its parent: a balancer without Ray would answer 500 for
ever.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil

_TAKES_ORPHANS = 36  # prctl(2): PR_SET_CHILD_SUBREAPER
_PATIENCE = 10.0


class _Stop(Exception):
    pass


def main(command: list[str]) -> int:
    """The exit code of the command; 0 after a stop."""
    ctypes.CDLL(None).prctl(_TAKES_ORPHANS, 1)
    signal.signal(signal.SIGTERM, _stop)
    code = 0
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        threading.Thread(target=_await_end_of_input, name="guard", daemon=True).start()
        code = _wait(process.pid)
    except _Stop:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _kill_all()
    return code


def _stop(number: int, frame: object) -> None:
    raise _Stop


def _await_end_of_input() -> None:
    while os.read(0, 4096):  # no buffer, whose lock the end would wait for
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _wait(pid: int) -> int:
    """The exit code of a child; others that end meanwhile are let go."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _kill_all() -> None:
    """Whatever is killed may leave children, which come to this process."""
    until = time.monotonic() + _PATIENCE
    while (family := psutil.Process().children(recursive=True)) and time.monotonic() < until:
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
