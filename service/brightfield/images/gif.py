"""The structure of a GIF file: its size and frames, before anything is decompressed."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from brightfield.errors import TruncatedImage, UndecodableImage
from brightfield.images.limits import MOST_PAGES

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
# Blocks have up to 255 bytes, and encoders fill them.
_MOST_BLOCKS = 1 << 20


@dataclass(frozen=True, slots=True)
class GifHeader:
    """The canvas that holds the logical screen and every frame, and the number of frames."""

    width: int
    height: int
    frames: int


def size(data: bytes) -> tuple[int, int]:
    """(width, height) of the logical screen."""
    if len(data) < 10:
        raise _cut()
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def read_header(data: bytes) -> GifHeader:
    """Size and frames, found by walking every block up to the trailer (GIF89a, section 17 on).

    Raises `TruncatedImage` when the trailer is not reached, `UndecodableImage` for a block of no
    known kind and for more frames than are read.
    """
    width, height = size(data)
    frames, left = 0, _MOST_BLOCKS
    try:
        position = 13 + _table(data[10])
        while (block := data[position]) != _TRAILER:
            if block == _EXTENSION:
                position, left = _past_blocks(data, position + 2, left)
            elif block == _IMAGE:
                _check_frames(frames)
                x, y, w, h, flags = struct.unpack_from("<HHHHB", data, position + 1)
                width, height, frames = max(width, x + w), max(height, y + h), frames + 1
                position, left = _past_blocks(data, position + 11 + _table(flags), left)
            else:
                raise UndecodableImage("The GIF's blocks are damaged.")
    except (IndexError, struct.error) as fault:
        raise _cut() from fault
    return GifHeader(width, height, frames)


def _check_frames(before: int) -> None:
    if before == MOST_PAGES:
        raise UndecodableImage(
            f"The GIF has more than {MOST_PAGES:,} frames; send it as several files."
        )


def _table(flags: int) -> int:
    """Bytes of the colour table that the flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _past_blocks(data: bytes, position: int, left: int) -> tuple[int, int]:
    """Where the blocks from `position` on end, and how many of the allowed ones are left."""
    while length := data[position]:
        position += 1 + length
        left -= 1
        if left < 0:
            raise UndecodableImage("The GIF has more blocks than any encoder writes; save it anew.")
    return position + 1, left - 1


def _cut() -> TruncatedImage:
    return TruncatedImage("The GIF ends before its last pixels; send the whole file.")
