"""Starting a conversion, and ending it when it takes too long or nobody needs it any more."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import suppress

from brightfield.runtime.acceleration.conversion import OUTCOME, ConversionJob

# Seconds that a conversion may take. It gives way to everything else, so it may be slow.
_LONGEST = 600.0
_LOOK = 0.2
_PROGRAM = "brightfield.runtime.acceleration.conversion"


class NotConverted(Exception):
    """Why a model wasn't converted; `lasting` where it would not be the next time either."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


def converted(job: ConversionJob, stopped: threading.Event) -> None:
    """Wait until a process has done the job. Raises `NotConverted`."""
    path = os.pathsep.join(part for part in sys.path if part)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdin is not None
    try:
        with suppress(BrokenPipeError):
            pickle.dump(job, process.stdin)
            process.stdin.flush()
        _wait(process, stopped)
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            process.stdin.close()
    _check(job, process.returncode)


def _wait(process: subprocess.Popen[bytes], stopped: threading.Event) -> None:
    until = time.monotonic() + _LONGEST
    while process.poll() is None:
        if stopped.wait(_LOOK):
            raise NotConverted("The service is stopping.", lasting=False)
        if time.monotonic() > until:
            raise NotConverted(f"It took longer than {_LONGEST:.0f} s.", lasting=False)


def _check(job: ConversionJob, code: int) -> None:
    outcome = job.folder / OUTCOME
    if not outcome.exists():
        raise NotConverted(f"The process that converts it ended with {code}.", lasting=False)
    fault = json.loads(outcome.read_text()).get("fault")
    if fault is not None:
        raise NotConverted(fault, lasting=True)
