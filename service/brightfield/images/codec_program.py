"""A program that unpacks what its standard input brings, until that ends.

It runs in a process of its own (`codec_process`), by its path and with nothing of ours imported, so
it starts in a fraction of a second. A request is one line of JSON, {"codec", "size", "memory"}, and
`size` bytes; the answer one line, {"shape", "dtype"} or {"fault"}, and the values.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np


def main() -> None:
    while line := sys.stdin.buffer.readline():
        wanted = json.loads(line)
        data = sys.stdin.buffer.read(wanted["size"])
        most = wanted["memory"] + _in_use()
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
        try:
            values = np.ascontiguousarray(_unpacked(wanted["codec"], data))
            answer: dict[str, Any] = {"shape": values.shape, "dtype": values.dtype.str}
        except Exception as fault:  # whatever a codec raises is an answer
            values, answer = np.empty(0, np.uint8), {"fault": repr(fault)[:200]}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.write(values.data)
        sys.stdout.buffer.flush()


def _unpacked(codec: str, data: bytes) -> Any:
    if codec == "jpeg2000":
        return imagecodecs.jpeg2k_decode(data, planar=False, numthreads=1)
    return imagecodecs.jpeg_decode(data)


def _in_use() -> int:
    """Bytes of the address space that the process has anyway."""
    pages = Path("/proc/self/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    main()
