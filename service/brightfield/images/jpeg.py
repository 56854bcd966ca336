"""JPEG through libjpeg-turbo: the fast path of the service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

import numpy as np
import simplejpeg

from brightfield.errors import TruncatedImage, UndecodableImage
from brightfield.images.channel_choice import samples_of
from brightfield.images.codec_process import CODECS
from brightfield.images.colors import CMYK_CONVERTED, paper_to_rgb
from brightfield.images.limits import DecodedSize, Limits
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
_FILL = re.compile(rb"\xff+")
# Files have a few dozen segments before their frame; profiles come in pieces of 64 KB.
_MOST_SEGMENTS = 10_000
# Progressive files have some 10 scans. Each costs a pass over all pixels, however short it is.
_USUAL_SCANS, _MOST_SCANNED = 20, 10**9


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What the frame header says, where it ends, and the EXIF block before it."""

    width: int
    height: int
    components: int
    precision: int
    end: int
    exif: bytes


def read_header(data: bytes) -> JpegHeader:
    """The frame header of a JPEG file, found by walking its segments (ITU-T T.81, annex B).

    Raises `TruncatedImage` when the file ends before it, `UndecodableImage` when it has none.
    """
    exif, position = b"", 2
    for _ in range(_MOST_SEGMENTS):
        marker, start, length = _segment(data, position)
        if marker in _FRAMES:
            if length < 8:
                raise UndecodableImage("The JPEG's frame header is damaged.")
            height, width = _u16(data, start + 3), _u16(data, start + 5)
            end = start + length
            return JpegHeader(width, height, data[start + 7], data[start + 2], end, exif)
        if marker in (_SCAN, _END):
            raise UndecodableImage("The JPEG has no frame header before its pixels.")
        if marker == _APP1 and not exif and data.startswith(b"Exif\x00\x00", start + 2):
            exif = data[start + 2 : start + length]
        position = start + length
    raise UndecodableImage("The JPEG has more segments before its pixels than any camera writes.")


def check_scans(data: bytes, header: JpegHeader) -> None:
    """Raises `UndecodableImage` for so many scans that they would be decoded for minutes."""
    scans = data.count(bytes((0xFF, _SCAN)), header.end)
    scanned = scans * header.width * header.height * header.components
    if scans > _USUAL_SCANS and scanned > _MOST_SCANNED:
        raise UndecodableImage(
            f"The JPEG has {scans} scans, and encoders write about ten; save it anew."
        )


def _segment(data: bytes, position: int) -> tuple[int, int, int]:
    """Marker, start and length of the segment at `position` (the length counts itself)."""
    fill = _FILL.match(data, position)
    if fill is None and position < len(data):
        raise UndecodableImage("The JPEG's segments are damaged.")
    if fill is None or fill.end() + 3 > len(data):
        raise cut()
    marker, start = data[fill.end()], fill.end() + 1
    if marker in _BARE:
        return marker, start, 0
    length = _u16(data, start)
    if start + length > len(data):
        raise cut()
    return marker, start, max(length, 2)


def _u16(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 2], "big")


def size(data: bytes) -> tuple[int, int]:
    """(width, height) from the frame header."""
    header = read_header(data)
    return header.width, header.height


def ends_early(data: bytes, header: JpegHeader) -> bool:
    """Whether no scan follows the frame header, or no end marker the last scan."""
    scan = data.rfind(bytes((0xFF, _SCAN)), header.end)
    return scan < 0 or data.find(bytes((0xFF, _END)), scan) < 0


def cut() -> TruncatedImage:
    """The error for a JPEG file that ends too early."""
    return TruncatedImage("The JPEG ends before its last pixels; send the whole file.")


def read(data: bytes, selection: Selection, limits: Limits) -> Plane:
    """The picture in a JPEG file: grey, RGB, or CMYK and YCCK converted with a note."""
    header = read_header(data)
    limits.check_size(header.width, header.height)
    check_scans(data, header)
    colors = min(header.components, 3)
    choice = choose("YXS", (header.height, header.width, colors), selection)
    facts = samples_of(choice, selection)
    depth = np.dtype(np.uint8 if header.precision <= 8 else np.uint16)
    size = header.width, header.height
    limits.check(DecodedSize(*size, choice.channels, depth, max(header.components, 1), facts))
    pixels, notes = _pixels(data, header)
    turned = exif_orientation(header.exif)
    return Plane(take(pixels, choice), choice.source_axes, turned, notes=notes, facts=facts)


def _pixels(data: bytes, header: JpegHeader) -> tuple[Pixels, tuple[Note, ...]]:
    space = _SPACES.get(header.components)
    if space is None or header.precision != 8:
        return _unusual(data, header), ()
    try:
        pixels = cast("Pixels", simplejpeg.decode_jpeg(data, colorspace=space))
    except ValueError as fault:
        reason = str(fault)
        if reason.startswith("Premature end") or ends_early(data, header):
            raise cut() from fault
        if reason.startswith(("Corrupt", "Unsupported marker")) or space == "CMYK":
            raise UndecodableImage(
                "The JPEG's data are damaged; send the original file."
            ) from fault
        return _unusual(data, header), ()
    if space == "CMYK":  # such files hold the inverse of the inks, by Adobe's convention
        return paper_to_rgb(pixels), (CMYK_CONVERTED,)
    return pixels, ()


def _unusual(data: bytes, header: JpegHeader) -> Pixels:
    """12-bit, lossless and oddly subsampled files, which simplejpeg refuses.

    libjpeg fills what is missing with grey here, so the end marker is looked for first.
    """
    if ends_early(data, header):
        raise cut()
    if header.components not in (1, 3):
        raise UndecodableImage(
            f"JPEGs of {header.components} components with {header.precision} bits are not read; "
            "save the image as grey or RGB."
        )
    values = header.width * header.height * header.components
    pixels = CODECS.unpack("jpeg", data, values)
    return pixels if pixels.ndim == 3 else pixels[..., None]
