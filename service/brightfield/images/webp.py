"""The structure of a WebP file: its size, and whether it is whole."""

from __future__ import annotations

import struct

from brightfield.errors import TruncatedImage, UndecodableImage

# Bytes from the file's start that hold the size: extended, lossless and lossy files.
_NEEDED = {b"VP8X": 30, b"VP8L": 25, b"VP8 ": 30}


def size(data: bytes) -> tuple[int, int]:
    """(width, height) of a WebP file whose length its RIFF header confirms (RFC 9649).

    Raises `TruncatedImage` when there are fewer bytes than the header says, `UndecodableImage`
    when the first chunk holds no size.
    """
    if len(data) < 16 or len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise _cut()
    chunk = data[12:16]
    if chunk not in _NEEDED:
        raise UndecodableImage("The WebP's first chunk is damaged.")
    if len(data) < _NEEDED[chunk]:
        raise _cut()
    if chunk == b"VP8X":
        width, height = data[24:27], data[27:30]
        return 1 + int.from_bytes(width, "little"), 1 + int.from_bytes(height, "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    wide, high = struct.unpack_from("<HH", data, 26)
    return wide & 0x3FFF, high & 0x3FFF


def _cut() -> TruncatedImage:
    return TruncatedImage("The WebP ends before its last pixels; send the whole file.")
