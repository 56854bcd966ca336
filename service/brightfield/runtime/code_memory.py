"""Memory of the code that libraries make while they run: kernels for each shape that comes."""

from __future__ import annotations

import re
from pathlib import Path

_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (\S{4}) ")


def code_bytes(file: Path = Path("/proc/self/smaps")) -> int:
    """Bytes in memory that can be both written and run, which is where such code lies; 0 where the
    system doesn't say it, as on macOS and Windows.

    Source: proc_pid_smaps(5) of the Linux manual.
    """
    found, code = 0, False
    try:
        with file.open() as lines:
            for line in lines:
                if mapping := _MAPPING.match(line):
                    code = mapping[1].startswith("rwx")
                elif code and line.startswith("Rss:"):
                    found += 1024 * int(line.split()[1])
    except OSError:
        return 0
    return found
