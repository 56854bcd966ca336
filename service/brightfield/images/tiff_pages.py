"""Pages as tifffile reads them: through a file in which only what was checked is to be found.

tifffile interprets the tags of some forty programs while it opens a file, and some of these
readers follow a file's numbers without a bound. So it is shown the bytes of the file with another
beginning, and behind them a directory that has the tags that decoding needs and no others.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from tifffile import TiffFile, TiffPage

from brightfield.images.tiff_directory import Directory
from brightfield.images.tiff_structure import Structure

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer


class TiffPages:
    """The pages of a file, opened when they are asked for and all closed together.

    tifffile's objects refer to one another in circles; what is closed here lets go of the file's
    bytes at once.
    """

    def __init__(self, structure: Structure) -> None:
        self._structure = structure
        self._opened: dict[int, TiffPage] = {}
        self._close: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.clear()
        while self._close:
            self._close.pop()()

    def __getitem__(self, number: int) -> TiffPage:
        if number not in self._opened:
            directory = Directory.of(self._structure, number)
            file = _OnePage(directory)
            self._close.append(file.close)
            # Vendor fixes that load every page at opening are left off.
            tif = TiffFile(cast("Any", file), is_ndpi=False, is_scanimage=False, is_lsm=False)
            self._close.append(tif.close)
            self._opened[number] = tif.pages.first
        return self._opened[number]


class _OnePage(io.RawIOBase):
    """The bytes of a TIFF file, with one directory that tells of one page."""

    def __init__(self, directory: Directory) -> None:
        layout, data = directory.structure.layout, directory.structure.data
        head = data[: layout.header] + layout.offset.pack(len(data))
        whole = memoryview(data)
        self._parts = [
            (0, memoryview(head)),
            (len(head), whole[len(head) :]),
            (len(data), memoryview(directory.clean)),
        ]
        self._size = len(data) + len(directory.clean)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._position)
        return b"".join(self._taken(left if size < 0 else min(size, left)))

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        done = 0
        for piece in self._taken(min(len(target), max(0, self._size - self._position))):
            target[done : done + len(piece)] = piece
            done += len(piece)
        return done

    def _taken(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes, which are there, in pieces."""
        start, end = self._position, self._position + size
        self._position = end
        for base, part in self._parts:
            piece = part[max(start - base, 0) : max(end - base, 0)]
            if len(piece):
                yield piece

    def close(self) -> None:
        """Let go of the file's bytes."""
        self._parts = []
        super().close()
