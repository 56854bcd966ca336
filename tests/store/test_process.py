from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from brightfield.store.process import ProcessIdentity, this_process

_PRINT = (
    "from dataclasses import astuple; from brightfield.store.process import this_process as p; "
    "print(*map(str, astuple(p())), sep='\\n', flush=True); input()"
)


def test_only_a_process_of_this_place_is_known_to_have_ended() -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _PRINT]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout is not None
        host, place, pid, began = (child.stdout.readline().strip() for _ in range(4))
        other = ProcessIdentity(host, place, int(pid), float(began))
        assert not other.has_ended
        assert replace(other, began=other.began - 60).has_ended  # the number is another's now
        child.communicate("\n")
    assert other.has_ended
    assert not replace(other, place="elsewhere").has_ended
    assert this_process().pid == os.getpid()
    assert not this_process().has_ended


def test_containers_of_one_name_are_two_places(monkeypatch: pytest.MonkeyPatch) -> None:
    own = this_process()
    monkeypatch.setattr("pathlib.Path.readlink", lambda path: "pid:[another]")
    other = this_process()
    assert (other.host, other.pid) == (own.host, own.pid)
    assert other.place != own.place
