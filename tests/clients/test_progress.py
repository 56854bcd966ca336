from __future__ import annotations

import io

from brightfield_client.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_the_end():
    stream = Terminal()
    with ProgressBar("images", 2, stream=stream) as bar:
        bar.advance()
        bar.advance()
    assert "images [##############################] 2/2" in stream.getvalue()
    assert stream.getvalue().endswith("\n")


def test_nothing_is_written_elsewhere():
    stream = io.StringIO()
    with ProgressBar("images", 1, stream=stream) as bar:
        bar.advance()
    with ProgressBar("images", 1, shown=False, stream=(hidden := Terminal())) as bar:
        bar.advance()
    assert stream.getvalue() == hidden.getvalue() == ""
