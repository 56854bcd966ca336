"""The line between a worker and the process that starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Any

import pytest

from brightfield.serving.worker_process import WorkerProcess, take


@pytest.fixture
def its_end(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The standard inputs of workers that are started, in whose place nothing runs."""
    ends: list[int] = []

    class Nothing:
        def __init__(self, command: list[str], *, stdin: int, **_: Any) -> None:
            ends.append(os.dup(stdin))

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(subprocess, "Popen", Nothing)
    return ends


def test_a_worker_takes_sockets_and_then_hears_lines(its_end: list[int]) -> None:
    worker = WorkerProcess()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker.give([listener])
        worker.say(b"more\n")
        taken = take(its_end[0])
    assert taken is not None
    with taken[0] as own, socket.create_connection(own.getsockname()):
        assert not own.get_inheritable()
    assert os.read(its_end[0], 100) == b"more\n"
    os.close(its_end[0])
    worker.wait()


def test_a_worker_whose_supervisor_is_gone_is_told_nothing(its_end: list[int]) -> None:
    WorkerProcess().wait()
    assert take(its_end[0]) is None
    os.close(its_end[0])


def test_what_is_wrong_with_the_settings_is_all_that_is_said() -> None:
    """The worker that has begun to import ends without a word."""
    command = [sys.executable, "-m", "brightfield", "serve", "--port", "none"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("brightfield: --port: ") and done.stderr.count("\n") == 1
