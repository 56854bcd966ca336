"""NPZ that is sent while it is written, so that no archive is held in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_PIECE = 1 << 20  # bytes written at once


class _Outbox(io.RawIOBase):
    """A file that can only be written to, and that gives away what was written."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._written)
        self._written.clear()
        return taken


def npz_stream(arrays: Iterator[tuple[str, NDArray[Any]]]) -> Iterator[bytes]:
    """The archive in pieces; an array is asked for when those before it are sent."""
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w") as archive:
        for name, array in arrays:
            flat = np.ascontiguousarray(array)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                npy.write_array_header_1_0(member, npy.header_data_from_array_1_0(flat))
                data = flat.reshape(-1).view(np.uint8).data
                for start in range(0, max(1, len(data)), _PIECE):
                    member.write(data[start : start + _PIECE])
                    yield outbox.take()
    yield outbox.take()
