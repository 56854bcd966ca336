"""What differs between classic TIFF (version 42) and BigTIFF (43), and by byte order."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

# Bytes of a value by its kind (TIFF 6.0, page 15; BigTIFF adds 13 and 16 to 18).
_SIZES = np.zeros(1 << 16, np.float64)
_SIZES[:19] = (1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 1, 1, 8, 8, 8)
_SIZES[19:] = 1
_SHORT = 3


@dataclass(frozen=True)
class Layout:
    """How the directories of a TIFF file are written."""

    order: str
    big: bool

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The layout that a file's first four bytes name."""
        return cls("<" if data[:2] == b"II" else ">", data[2:4] in (b"+\x00", b"\x00+"))

    @cached_property
    def offset(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "I"))

    @cached_property
    def count(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @cached_property
    def entry(self) -> np.dtype[Any]:
        """An entry: tag, kind, count, and the value or its place."""
        number = self.order + ("u8" if self.big else "u4")
        short = self.order + "u2"
        return np.dtype([("tag", short), ("kind", short), ("count", number), ("value", number)])

    @property
    def header(self) -> int:
        """Where the offset of the first directory stands."""
        return 8 if self.big else 4

    def first(self, data: bytes) -> int:
        """The offset of the first directory. Raises `struct.error`."""
        return int(self.offset.unpack_from(data, self.header)[0])

    def directory(self, data: bytes, position: int) -> tuple[int, int]:
        """The number of entries of a directory, and the offset of the next one.

        Raises `struct.error` or `OverflowError` where it isn't whole.
        """
        (count,) = self.count.unpack_from(data, position)
        end = position + self.count.size + count * self.entry.itemsize
        return count, int(self.offset.unpack_from(data, end)[0])

    def sizes(self, entries: NDArray[Any]) -> NDArray[np.float64]:
        """Bytes of each entry's value; as floats, because a file may claim any number."""
        return np.asarray(_SIZES[entries["kind"]] * entries["count"].astype(np.float64))

    def ends(self, entries: NDArray[Any]) -> NDArray[np.float64]:
        """Where each entry's value ends; 0 for one that stands in the entry itself."""
        sizes = self.sizes(entries)
        outside = sizes > self.offset.size
        return np.where(outside, entries["value"].astype(np.float64) + sizes, 0.0)

    def inline(self, entries: NDArray[Any]) -> NDArray[np.int64]:
        """The one small number in each entry, SHORT or LONG."""
        values = entries["value"].astype(np.uint64)
        if self.order == ">":  # values stand at the left of their field
            bits = 8 * self.offset.size - np.where(entries["kind"] == _SHORT, 16, 32)
            values = values >> bits.astype(np.uint64)
        mask = np.where(entries["kind"] == _SHORT, 0xFFFF, 0xFFFFFFFF).astype(np.uint64)
        return np.asarray((values & mask).astype(np.int64))
