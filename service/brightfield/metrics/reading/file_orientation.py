"""Which way up a file says that its pixels are."""

from __future__ import annotations

from collections.abc import Callable

from brightfield.images import jpeg, png, webp
from brightfield.images.decode import describe
from brightfield.images.orientation import exif_orientation
from brightfield.images.tiff_directory import Directory
from brightfield.images.tiff_structure import read_structure

_TAG = 274


def _of_tiff(data: bytes) -> int:
    found = Directory.of(read_structure(data), 0).number(_TAG, 1)
    return found if 1 <= found <= 8 else 1


_READERS: dict[str, Callable[[bytes], int]] = {
    "jpeg": lambda data: exif_orientation(jpeg.read_header(data).exif),
    "png": lambda data: exif_orientation(png.read_header(data).exif),
    "tiff": _of_tiff,
    "webp": lambda data: exif_orientation(webp.read_header(data).exif),
}


def orientation_of(data: bytes) -> int:
    """EXIF's orientation from 1 to 8, by which `decode` turns the pixels; 1 where the file says
    nothing. Raises as `decode` does for what is no image."""
    read = _READERS.get(describe(data).format)
    return 1 if read is None else read(data)
