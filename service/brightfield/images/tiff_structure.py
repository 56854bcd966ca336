"""Is a TIFF file whole? Its chain of directories, walked before tifffile interprets it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from brightfield.errors import TruncatedImage, UndecodableImage

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}

_MOST_PAGES = 1 << 20

# Bits, description, strips, tiles, colour map, JPEG tables: without these there is no picture.
# Other tags may point anywhere; editors that copy camera files leave such.
_NEEDED = frozenset({258, 270, 273, 279, 320, 324, 325, 347})

# Width, length, samples, rows of a strip, sizes of a tile, depths: one SHORT, LONG or LONG8 each.
# tifffile takes several as a tuple, and a tuple times a length repeats it without bound.
_SIZE_TAGS = frozenset({256, 257, 277, 278, 322, 323, 32997, 32998})
_UNSIGNED = (3, 4, 16)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Sizes that differ between classic TIFF (version 42) and BigTIFF (43)."""

    order: str
    big: bool

    @property
    def offset(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "I"))

    @property
    def count(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @property
    def entry(self) -> struct.Struct:
        return struct.Struct(self.order + ("HHQ8x" if self.big else "HHI4x"))


def check_whole(data: bytes) -> None:
    """Walk the directories of a TIFF file.

    Raises `TruncatedImage` when a directory or the value of a tag that every reader needs lies
    beyond the end, `UndecodableImage` when the chain runs in a circle or has no end, or a size is
    not one number.
    """
    layout = _Layout("<" if data[:2] == b"II" else ">", data[2:4] in (b"+\x00", b"\x00+"))
    seen: set[int] = set()
    try:
        (position,) = layout.offset.unpack_from(data, 8 if layout.big else 4)
        while position:
            if position in seen or len(seen) == _MOST_PAGES:
                raise UndecodableImage(
                    f"The TIFF's directories run in a circle, or are more than {_MOST_PAGES:,}."
                )
            seen.add(position)
            position = _next_directory(data, position, layout)
    except struct.error as fault:
        raise cut() from fault


def _next_directory(data: bytes, position: int, layout: _Layout) -> int:
    if position > len(data):  # before struct meets a number that no index can hold
        raise cut()
    (entries,) = layout.count.unpack_from(data, position)
    start, step, inline = position + layout.count.size, layout.entry.size, layout.offset.size
    if start + entries * step > len(data):
        raise cut()
    for at in range(start, start + entries * step, step):
        tag, kind, count = layout.entry.unpack_from(data, at)
        if tag in _SIZE_TAGS and (kind not in _UNSIGNED or count != 1):
            raise UndecodableImage(f"The TIFF's size in tag {tag} is not one number.")
        size = _SIZES.get(kind, 1) * count
        if tag in _NEEDED and size > inline:
            (value,) = layout.offset.unpack_from(data, at + step - inline)
            if value + size > len(data):
                raise cut()
    (following,) = layout.offset.unpack_from(data, start + entries * step)
    return int(following)


def cut() -> TruncatedImage:
    """The error for a TIFF file that ends too early."""
    return TruncatedImage("The TIFF ends before its last pixels; send the whole file.")
