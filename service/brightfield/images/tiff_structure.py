"""Is a TIFF file whole? Its chain of directories, walked before anything interprets it.

A file's numbers decide nothing here: the work is bounded by the bytes that are there, because
directories that overlap or run in a circle are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import TruncatedImage, UndecodableImage
from brightfield.images.limits import MOST_PAGES
from brightfield.images.tiff_layout import Layout

# Directories are looked at together, as many as have about so many bytes.
_AT_ONCE = 1 << 22

# Bits, description, strips, tiles, colour map, JPEG tables: without these there is no picture.
# Other tags may point anywhere; editors that copy camera files leave such.
_NEEDED = (258, 270, 273, 279, 320, 324, 325, 347)

# Width, length, samples, rows of a strip, sizes of a tile, depths: one SHORT, LONG or LONG8 each.
# tifffile takes several as a tuple, and a tuple times a length repeats it without bound.
_SIZE_TAGS = (256, 257, 277, 278, 322, 323, 32997, 32998)
_UNSIGNED = (3, 4, 16)
_SUBFILE_TYPE = 254
REDUCED, MASK = 1, 4


@dataclass(frozen=True)
class Structure:
    """The directories of a TIFF file, each a page: where their entries begin, and how many."""

    data: bytes
    layout: Layout
    starts: tuple[int, ...]
    counts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.starts)

    def entries(self, page: int) -> NDArray[Any]:
        """The entries of a page as `Layout.entry` has them."""
        return np.frombuffer(
            self.data, self.layout.entry, self.counts[page], offset=self.starts[page]
        )

    def with_directories(self, places: Sequence[tuple[int, int]]) -> Structure:
        """The same file with further pages: where the entries of each begin, and how many."""
        starts, counts = (tuple(part) for part in zip(*places, strict=True)) if places else ((), ())
        return Structure(self.data, self.layout, self.starts + starts, self.counts + counts)

    @cached_property
    def pictures(self) -> NDArray[np.int64]:
        """Numbers of the pages that are no thumbnails or masks (NewSubfileType 1 and 4)."""
        aside = np.zeros(len(self), np.bool_)
        for pages, entries in self._together():
            kinds = entries["tag"] == _SUBFILE_TYPE
            flags = self.layout.inline(entries[kinds]) & (REDUCED | MASK)
            aside[pages[kinds][flags > 0]] = True
        return np.flatnonzero(~aside)

    def check(self) -> None:
        """Raises `TruncatedImage` where the value of a tag that every reader needs lies beyond the
        end, `UndecodableImage` where a size isn't one number."""
        for _, entries in self._together():
            sizes = entries[np.isin(entries["tag"], _SIZE_TAGS)]
            wrong = sizes[~np.isin(sizes["kind"], _UNSIGNED) | (sizes["count"] != 1)]
            if wrong.size:
                tag = wrong["tag"][0]
                raise UndecodableImage(f"The TIFF's size in tag {tag} is not one number.")
            needed = entries[np.isin(entries["tag"], _NEEDED)]
            if (self.layout.ends(needed) > len(self.data)).any():
                raise cut()

    def _together(self) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
        """Page numbers and entries of a few directories after another."""
        step = self.layout.entry.itemsize
        counts = np.array(self.counts, np.int64)
        part = np.cumsum(counts) * step // _AT_ONCE
        for group in np.split(np.arange(len(self)), np.flatnonzero(np.diff(part)) + 1):
            starts = (self.starts[page] for page in group)
            pieces = (
                self.data[start : start + step * self.counts[page]]
                for page, start in zip(group, starts, strict=True)
            )
            entries = np.frombuffer(b"".join(pieces), self.layout.entry)
            yield np.repeat(group, counts[group]), entries


def read_structure(data: bytes) -> Structure:
    """Walk the directories of a TIFF file, and check them.

    Raises `TruncatedImage` where a directory, or a value that every reader needs, lies beyond the
    end; `UndecodableImage` where directories run in a circle, overlap or are too many, and where a
    size isn't one number.
    """
    layout = Layout.of(data)
    starts: list[int] = []
    counts: list[int] = []
    try:
        position, left = layout.first(data), len(data)
        while position:
            count, following = layout.directory(data, position)
            left -= layout.count.size + count * layout.entry.itemsize
            if left < 0 or len(starts) == MOST_PAGES:
                raise UndecodableImage(
                    "The TIFF's directories run in a circle or overlap, or are more than "
                    f"{MOST_PAGES:,}."
                )
            starts.append(position + layout.count.size)
            counts.append(count)
            position = following
    except (struct.error, OverflowError) as fault:
        raise cut() from fault
    if not starts:
        raise UndecodableImage("The TIFF has no page.")
    structure = Structure(data, layout, tuple(starts), tuple(counts))
    structure.check()
    return structure


def cut() -> TruncatedImage:
    """The error for a TIFF file that ends too early."""
    return TruncatedImage("The TIFF ends before its last pixels; send the whole file.")
