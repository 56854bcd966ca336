"""JPEG through libjpeg-turbo: the fast path of the service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import imagecodecs
import numpy as np
import simplejpeg

from brightfield.errors import TruncatedImage, UndecodableImage
from brightfield.images.colors import CMYK_CONVERTED, paper_to_rgb
from brightfield.images.limits import check_pixels
from brightfield.images.orientation import exif_orientation
from brightfield.images.picture import Note
from brightfield.images.plane import Plane
from brightfield.images.planes import choose, take
from brightfield.images.selection import Selection
from brightfield.tensors import Pixels

_SPACES = {1: "GRAY", 3: "RGB", 4: "CMYK"}
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_APP1, _SCAN, _END = 0xE1, 0xDA, 0xD9


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What the frame header says, and the EXIF block before it."""

    width: int
    height: int
    components: int
    precision: int
    exif: bytes


def read_header(data: bytes) -> JpegHeader:
    """The frame header of a JPEG file, found by walking its segments (ITU-T T.81, annex B).

    Raises `TruncatedImage` when the file ends before it, `UndecodableImage` when it has none.
    """
    exif, position = b"", 2
    while True:
        marker, start, length = _segment(data, position)
        if marker in _FRAMES:
            if length < 8:
                raise UndecodableImage("The JPEG's frame header is damaged.")
            height, width = _u16(data, start + 3), _u16(data, start + 5)
            return JpegHeader(width, height, data[start + 7], data[start + 2], exif)
        if marker in (_SCAN, _END):
            raise UndecodableImage("The JPEG has no frame header before its pixels.")
        if marker == _APP1 and not exif and data.startswith(b"Exif\x00\x00", start + 2):
            exif = data[start + 2 : start + length]
        position = start + length


def _segment(data: bytes, position: int) -> tuple[int, int, int]:
    """Marker, start and length of the segment at `position` (the length counts itself)."""
    if data[position : position + 1] not in (b"\xff", b""):
        raise UndecodableImage("The JPEG's segments are damaged.")
    while data[position : position + 1] == b"\xff":
        position += 1
    if position + 3 > len(data):
        raise _cut()
    marker, start = data[position], position + 1
    if marker in _BARE:
        return marker, start, 0
    length = _u16(data, start)
    if start + length > len(data):
        raise _cut()
    return marker, start, max(length, 2)


def _u16(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 2], "big")


def _cut() -> TruncatedImage:
    return TruncatedImage("The JPEG ends before its last pixels; send the whole file.")


def read(data: bytes, selection: Selection, max_pixels: int) -> Plane:
    """The picture in a JPEG file: grey, RGB, or CMYK and YCCK converted with a note."""
    header = read_header(data)
    check_pixels(header.width, header.height, max_pixels)
    pixels, notes = _pixels(data, header)
    axes = "YXC" if pixels.shape[2] > 1 else "YX"
    choice = choose("YXC", pixels.shape, selection)
    return Plane(take(pixels, choice), axes, exif_orientation(header.exif), notes=notes)


def _pixels(data: bytes, header: JpegHeader) -> tuple[Pixels, tuple[Note, ...]]:
    space = _SPACES.get(header.components)
    if space is None or header.precision != 8:
        return _unusual(data), ()
    try:
        pixels = cast("Pixels", simplejpeg.decode_jpeg(data, colorspace=space))
    except ValueError as fault:
        reason = str(fault)
        if reason.startswith("Premature end"):
            raise _cut() from fault
        if reason.startswith(("Corrupt", "Unsupported marker")) or space == "CMYK":
            raise UndecodableImage(
                "The JPEG's data are damaged; send the original file."
            ) from fault
        return _unusual(data), ()
    if space == "CMYK":  # such files hold the inverse of the inks, by Adobe's convention
        return paper_to_rgb(pixels), (CMYK_CONVERTED,)
    return pixels, ()


def _unusual(data: bytes) -> Pixels:
    """12-bit, lossless and oddly subsampled files, which simplejpeg refuses.

    libjpeg fills what is missing with grey here, so the end marker is looked for first.
    """
    if data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise _cut()
    pixels = np.asarray(imagecodecs.jpeg_decode(data))
    return pixels if pixels.ndim == 3 else pixels[..., None]
