from __future__ import annotations

import io
import sys
import threading

from brightfield_client.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_the_end(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    threads = threading.active_count()
    with ProgressBar("images", 2) as bar:
        bar.update()
        bar.reached(3, 3)
    assert "images: 100%" in stream.getvalue() and "3/3" in stream.getvalue()
    assert threading.active_count() == threads


def test_nothing_is_written_elsewhere(monkeypatch):
    for stream, shown in ((io.StringIO(), True), (Terminal(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with ProgressBar("images", 1, shown=shown) as bar:
            bar.update()
            bar.reached(1, 1)
        assert stream.getvalue() == ""
