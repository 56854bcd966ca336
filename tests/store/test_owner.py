from __future__ import annotations

import socket
import subprocess
import sys

from brightfield.store.owner import is_another_living, this_process

_PRINT = "from brightfield.store.owner import this_process as p; print(p(), flush=True); input()"


def test_only_another_process_that_runs_still_is_living() -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _PRINT]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout is not None
        owner = child.stdout.readline().strip()
        assert is_another_living(owner)

        number, _, start = owner.rpartition("/")[2].partition("@")
        earlier = f"{socket.gethostname()}/{number}@{float(start) - 60}"
        elsewhere = f"elsewhere/{number}@{start}"
        assert not is_another_living(earlier)  # the same number, another process
        assert not is_another_living(elsewhere)

        child.communicate("\n")
    assert not is_another_living(owner)
    assert not is_another_living(this_process())
