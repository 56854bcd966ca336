from __future__ import annotations

from pathlib import Path

from brightfield.runtime.code_memory import code_bytes

_MAPS = """\
55d0c0000000-55d0c0100000 r-xp 00000000 08:01 1 /usr/bin/python
Rss:                1024 kB
7f0000000000-7f0000100000 rwxp 00000000 00:00 0
Size:               1024 kB
Rss:                 300 kB
7f0000200000-7f0000300000 rw-p 00000000 00:00 0
Rss:                 700 kB
7f0000400000-7f0000500000 rwxp 00000000 00:00 0
Rss:                  20 kB
"""


def test_what_can_be_written_and_run_counts(tmp_path: Path) -> None:
    (tmp_path / "smaps").write_text(_MAPS)
    assert code_bytes(tmp_path / "smaps") == 320 * 1024


def test_where_the_system_does_not_say_it_there_is_none(tmp_path: Path) -> None:
    assert code_bytes(tmp_path / "none") == 0
