"""One page of a TIFF file: the entries that matter, and their values as far as they are bounded."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import UndecodableImage
from brightfield.images.tiff_structure import Structure

_DESCRIPTION, _SOFTWARE = 270, 305
_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _LONG8 = 1, 2, 3, 4, 5, 16
_WIDTH, _LENGTH, _SAMPLES = 256, 257, 277
_SUB_IFDS, _IFD, _IFD8, _MOST_NESTED = 330, 13, 18, 64
# Offsets and byte counts of strips and tiles.
_SEGMENTS = (273, 279, 324, 325, 513, 514)
_MOST_SEGMENTS = 100_000
# Three for each colour of a 16-bit palette; nothing else has as many.
_MOST_VALUES = 3 << 16
_DEPTHS = (32997, 32998)

# What decoding needs: sizes, bits, compression, meaning, strips, tiles, palettes, JPEG tables.
_KEPT = (
    256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325,
    332, 338, 339, 347, 513, 514, 529, 530, 531, 532, *_DEPTHS,
)  # fmt: skip

# These programs write wrong depths.
_WRONG_DEPTHS = (b"Philips DP", b"ISS Vista")


@dataclass(frozen=True)
class Directory:
    """A page's directory, of which unknown entries are left aside unread."""

    structure: Structure
    table: NDArray[Any]

    @classmethod
    def of(cls, structure: Structure, page: int) -> Directory:
        """The directory of a page. Raises `UndecodableImage` for values beyond any use."""
        found = cls(structure, structure.entries(page))
        found._check()
        return found

    @property
    def width(self) -> int:
        return self.number(_WIDTH)

    @property
    def height(self) -> int:
        return self.number(_LENGTH)

    @property
    def samples(self) -> int:
        return self.number(_SAMPLES, 1)

    def has(self, tag: int) -> bool:
        return bool((self.table["tag"] == tag).any())

    def count(self, tag: int) -> int:
        """How many values a tag has; 0 without the tag."""
        rows = self._rows(tag)
        return int(rows["count"][0]) if rows.size else 0

    def number(self, tag: int, default: int = 0) -> int:
        """The one SHORT or LONG of a tag, or the default."""
        rows = self._rows(tag)
        single = rows.size and rows["count"][0] == 1
        if not single or rows["kind"][0] not in (_SHORT, _LONG, _LONG8):
            return default
        if rows["kind"][0] == _LONG8:
            return int(rows["value"][0])
        return int(self.structure.layout.inline(rows[:1])[0])

    def ratio(self, tag: int) -> float | None:
        """The positive number of a RATIONAL, or None."""
        rows = self._rows(tag)
        if not rows.size or rows["kind"][0] != _RATIONAL or rows["count"][0] != 1:
            return None
        order = self.structure.layout.order
        above, below = (int(n) for n in np.frombuffer(self._bytes(rows[0], 8), f"{order}u4"))
        return above / below if above and below else None

    def nested(self) -> list[tuple[int, int]]:
        """The directories that tag 330 names, each by where its entries begin and how many; those
        that don't lie in the file are left out."""
        rows = self._rows(_SUB_IFDS)
        if not rows.size or rows["kind"][0] not in (_LONG, _IFD, _LONG8, _IFD8):
            return []
        layout, data = self.structure.layout, self.structure.data
        wide = 8 if rows["kind"][0] in (_LONG8, _IFD8) else 4
        raw = self._bytes(rows[0], wide * _MOST_NESTED)
        offsets = np.frombuffer(raw[: len(raw) // wide * wide], f"{layout.order}u{wide}")
        found = []
        for position in offsets[: self.count(_SUB_IFDS)].tolist():
            with contextlib.suppress(struct.error, OverflowError):
                found.append((position + layout.count.size, layout.directory(data, position)[0]))
        return found

    def text(self, tag: int, most: int, which: int = 0) -> bytes:
        """At most `most` bytes of a text, without the zeros and blanks around it."""
        rows = self._rows(tag)
        if rows.size <= which or rows["kind"][which] not in (_BYTE, _ASCII, 7):
            return b""
        return self._bytes(rows[which], most).rstrip(b"\0").strip()

    def numbers(self, tag: int, most: int) -> tuple[int, ...]:
        """The LONGs of a tag; empty for more than `most`, and for other kinds."""
        rows = self._rows(tag)
        if not rows.size or rows["kind"][0] != _LONG or rows["count"][0] > most:
            return ()
        data = self._bytes(rows[0], 4 * most)
        whole = len(data) - len(data) % 4
        return tuple(np.frombuffer(data[:whole], f"{self.structure.layout.order}u4").tolist())

    def plain(self, tag: int, most: int) -> bytes:
        """The bytes of a tag; empty for more than `most`, and for other kinds."""
        rows = self._rows(tag)
        if not rows.size or rows["kind"][0] not in (_BYTE, 7) or rows["count"][0] > most:
            return b""
        return self._bytes(rows[0], most)

    def description(self, most: int, which: int = 0) -> bytes:
        """The beginning of the first description, or of the second."""
        return self.text(_DESCRIPTION, most, which)

    @cached_property
    def clean(self) -> bytes:
        """The directory with nothing but what decoding needs, as a file has it; it is the last."""
        layout = self.structure.layout
        tags = self.table["tag"]
        kept = np.isin(tags, _KEPT)
        if self.text(_SOFTWARE, 16).startswith(_WRONG_DEPTHS):
            kept &= ~np.isin(tags, _DEPTHS)
        rows = self.table[kept]
        rows = rows[np.unique(rows["tag"], return_index=True)[1]]  # ascending, each once
        return layout.count.pack(len(rows)) + rows.tobytes() + bytes(layout.offset.size)

    def _rows(self, tag: int) -> NDArray[Any]:
        rows: NDArray[Any] = self.table[self.table["tag"] == tag]
        return rows

    def _bytes(self, row: Any, most: int) -> bytes:
        """At most `most` bytes of a value; fewer where the file ends."""
        layout, data = self.structure.layout, self.structure.data
        size = min(int(layout.sizes(row[None] if row.ndim else np.array([row]))[0]), most)
        if layout.ends(np.array([row], self.table.dtype))[0]:
            return data[int(row["value"]) : int(row["value"]) + size]
        return np.array([row["value"]], self.table.dtype["value"]).tobytes()[:size]

    def _check(self) -> None:
        kept = self.table[np.isin(self.table["tag"], _KEPT)]
        segments = np.isin(kept["tag"], _SEGMENTS)
        if (kept["count"][segments] > _MOST_SEGMENTS).any():
            raise UndecodableImage(
                f"The TIFF page lies in more than {_MOST_SEGMENTS:,} strips or tiles; save it "
                "with larger ones."
            )
        if (kept["count"] > _MOST_VALUES).any():
            raise UndecodableImage("The TIFF has a tag with more values than any page needs.")
