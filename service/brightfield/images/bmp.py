"""The structure of a Windows bitmap: its size, and whether its rows are all there."""

from __future__ import annotations

import struct

from brightfield.errors import TruncatedImage

_PLAIN, _BIT_FIELDS = 0, 3
_OLD, _INFO = 12, 40


def size(data: bytes) -> tuple[int, int]:
    """(width, height); a negative height in the file means rows from the top."""
    if len(data) < 26:
        raise _cut()
    width, height = struct.unpack_from("<HH" if data[14] == _OLD else "<ii", data, 18)
    return width, abs(height)


def check_whole(data: bytes) -> None:
    """Raises `TruncatedImage` when there are fewer bytes than the header promises.

    Plain rows are padded to four bytes, the last one perhaps not; run lengths say their sum.
    """
    width, height = size(data)
    (start,) = struct.unpack_from("<I", data, 10)
    if data[14] == _OLD:
        (bits,) = struct.unpack_from("<H", data, 24)
        compression = stored = 0
    elif data[14] < _INFO:
        return
    elif len(data) < 38:
        raise _cut()
    else:
        bits, compression, stored = struct.unpack_from("<HII", data, 28)
    if compression in (_PLAIN, _BIT_FIELDS):
        stored = (width * bits + 31) // 32 * 4 * (height - 1) + (width * bits + 7) // 8
    if start + stored > len(data):
        raise _cut()


def _cut() -> TruncatedImage:
    return TruncatedImage("The BMP ends before its last pixels; send the whole file.")
