"""Nothing outlives the service: neither children nor what has lost its parent."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

# A child that leaves a child of its own in another session, as what goes to the background.
SCRIPT = """
import subprocess, sys, time
subprocess.Popen(
    [sys.executable, "-c", "import os, subprocess, sys; subprocess.Popen(['sleep', '600'], "
     "start_new_session=True); os._exit(0)"]
).wait()
child = subprocess.Popen(["sleep", "600"])
print("up", flush=True)
if sys.argv[1] == "ends":
    sys.exit(3)
time.sleep(600)
"""


def guarded(folder: Path, how: str) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """A guard whose command is up, and all below it."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    guard = subprocess.Popen(
        [sys.executable, "-m", "brightfield.cluster.guard", sys.executable, script, how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert guard.stdout is not None and guard.stdout.readline() == b"up\n"
    return guard, psutil.Process(guard.pid).children(recursive=True)


@pytest.mark.parametrize("how", ["told", "left", "ends"])
def test_all_is_ended_with_it(tmp_path: Path, how: str) -> None:
    guard, family = guarded(tmp_path, how)
    sleeping = [each for each in family if each.name() == "sleep"] if how != "ends" else family
    assert how == "ends" or len(sleeping) == 2
    if how == "told":
        guard.terminate()
    elif how == "left" and guard.stdin is not None:
        guard.stdin.close()
    assert guard.wait(60) == (3 if how == "ends" else 0)
    until = time.monotonic() + 60
    while any(each.is_running() for each in family) and time.monotonic() < until:
        time.sleep(0.01)
    assert not [each for each in family if each.is_running()]
    for stream in (guard.stdin, guard.stdout, guard.stderr):
        if stream is not None:
            stream.close()
