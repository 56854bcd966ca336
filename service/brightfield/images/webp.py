"""The structure of a WebP file: its size, and whether it is whole."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from brightfield.errors import TruncatedImage, UndecodableImage

# Frames and metadata; each frame is a chunk.
_MOST_CHUNKS = 100_000
_ANIMATED = 2

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


@dataclass(frozen=True, slots=True)
class WebpHeader:
    """The number of frames, and the EXIF block."""

    frames: int
    exif: bytes


def read_header(data: bytes) -> WebpHeader:
    """What the chunks say, found by walking them (RFC 9649, section 2.7).

    Raises `UndecodableImage` for an animation without frames, or with more chunks than any has.
    """
    if data[12:16] != b"VP8X":
        return WebpHeader(1, b"")
    exif, frames, position = b"", 0, 12
    for _ in range(_MOST_CHUNKS):
        if position + 8 > len(data):
            break
        name, length = struct.unpack_from("<4sI", data, position)
        frames += name == b"ANMF"
        if name == b"EXIF" and not exif:
            exif = data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
    else:
        raise UndecodableImage("The WebP has more chunks than any encoder writes.")
    animated = data[20] & _ANIMATED
    if animated and not frames:
        raise UndecodableImage("The animated WebP has no frames.")
    return WebpHeader(frames if animated else 1, exif)


def _cut() -> TruncatedImage:
    return TruncatedImage("The WebP ends before its last pixels; send the whole file.")
