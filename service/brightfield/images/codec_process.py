"""Codecs whose time and memory no header tells, in a process that is killed at its limits.

JPEG 2000, and JPEGs that are lossless or have 12 bits: their decoders are large, seldom used, and
take as long as a file makes them. The process is started when it is first needed and kept. It ends
with the service, whose pipe it reads.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Literal

import numpy as np

from brightfield.errors import UndecodableImage
from brightfield.tensors import Pixels

Codec = Literal["jpeg2000", "jpeg"]

_PROGRAM = Path(__file__).with_name("codec_program.py")
# A start, and what the slowest honest file takes for a value.
_SECONDS, _SECONDS_A_VALUE = 5.0, 400e-9
# What codecs need besides the values: JPEG 2000 has each as four bytes, twice.
_MEMORY, _MEMORY_A_VALUE = 256 * 2**20, 24


class CodecProcess:
    """One process that unpacks one thing at a time; safe to use from several threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def unpack(self, codec: Codec, data: bytes, most_values: int) -> Pixels:
        """The values in `data`, (H, W) or (H, W, C), at most `most_values`.

        Raises `UndecodableImage` for what cannot be unpacked within the limits. Blocks.
        """
        with self._turn:
            process = self._started()
            seconds = _SECONDS + most_values * _SECONDS_A_VALUE
            watch = threading.Timer(seconds, process.kill)
            watch.start()
            try:
                return self._asked(process, codec, data, most_values)
            except (OSError, ValueError) as fault:
                self._end()
                raise UndecodableImage(
                    f"The image's {codec} data take too long or too much memory to unpack; save "
                    "it in another way."
                ) from fault
            finally:
                watch.cancel()

    def close(self) -> None:
        """End the process, if there is one; the next call starts another."""
        with self._turn:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                with contextlib.suppress(OSError):  # what was not sent any more
                    stream.close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _asked(
        self, process: subprocess.Popen[bytes], codec: Codec, data: bytes, most_values: int
    ) -> Pixels:
        assert process.stdin is not None and process.stdout is not None
        memory = _MEMORY + _MEMORY_A_VALUE * most_values + 2 * len(data)
        head = {"codec": codec, "size": len(data), "memory": memory}
        process.stdin.write(json.dumps(head).encode() + b"\n")
        process.stdin.write(data)
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if "fault" in answer:
            raise UndecodableImage(
                f"The image's {codec} data are damaged, or need more memory than their size "
                "explains; send the original file."
            )
        values = np.empty(answer["shape"], np.dtype(answer["dtype"]))
        if values.size > most_values:
            raise ValueError("more values than the header says")
        _fill(process.stdout, values)
        return values


def _fill(stream: IO[bytes], values: Pixels) -> None:
    """Read as many bytes as the array has. Raises `OSError` where the stream ends before."""
    left = memoryview(values.reshape(-1).view(np.uint8).data)
    while left:
        count = stream.readinto(left)  # type: ignore[attr-defined]
        if not count:
            raise OSError("the process ended")
        left = left[count:]


CODECS = CodecProcess()
atexit.register(CODECS.close)
