"""PNG through libpng: every bit depth and colour type, losslessly."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import cast

import imagecodecs

from brightfield.errors import TruncatedImage, UndecodableImage
from brightfield.images import raster
from brightfield.images.colors import ALPHA_DROPPED, PALETTE_CONVERTED
from brightfield.images.limits import check_pixels
from brightfield.images.orientation import exif_orientation
from brightfield.images.picture import Note
from brightfield.images.plane import Plane
from brightfield.images.planes import choose, take
from brightfield.images.selection import Selection
from brightfield.tensors import Pixels

_PALETTE, _GREY_ALPHA, _RGB_ALPHA = 3, 4, 6


@dataclass(frozen=True, slots=True)
class PngHeader:
    """What the chunks say: size, colour type, transparency, frames of an animation, EXIF."""

    width: int
    height: int
    color_type: int
    transparent: bool
    frames: int
    exif: bytes


def read_header(data: bytes) -> PngHeader:
    """The header of a PNG file whose chunks are all there, to the last.

    Raises `TruncatedImage` when a chunk or the closing IEND is missing, `UndecodableImage` when
    the file does not begin with a header chunk.
    """
    if data[12:16] not in (b"IHDR", b"IHDR"[: max(0, len(data) - 12)]):
        raise UndecodableImage("The PNG does not begin with its header chunk.")
    transparent, frames, exif, position = False, 1, b"", 8
    while True:
        if position + 12 > len(data):
            raise _cut()
        length, name = struct.unpack_from(">I4s", data, position)
        if position + 12 + length > len(data):
            raise _cut()
        if name == b"IEND":
            break
        if name == b"tRNS":
            transparent = True
        elif name == b"acTL":
            frames = int.from_bytes(data[position + 8 : position + 12], "big")
        elif name == b"eXIf":
            exif = data[position + 8 : position + 8 + length]
        position += 12 + length
    width, height = size(data)
    return PngHeader(width, height, data[25], transparent, frames, exif)


def size(data: bytes) -> tuple[int, int]:
    """(width, height) from the header chunk alone."""
    if len(data) < 26:
        raise _cut()
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _cut() -> TruncatedImage:
    return TruncatedImage("The PNG ends before its last chunk; send the whole file.")


def read(data: bytes, selection: Selection, max_pixels: int) -> Plane:
    """The picture in a PNG file; of an animation, the frame that `page` names."""
    check_pixels(*size(data), max_pixels)
    header = read_header(data)
    orientation = exif_orientation(header.exif)
    if header.frames > 1:
        return raster.read_frame(data, "PNG", header.frames, selection, max_pixels, orientation)
    pixels = cast("Pixels", imagecodecs.png_decode(data))
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    pixels, notes = _opaque(pixels, header)
    choice = choose("YXC", pixels.shape, selection)
    axes = "YXC" if pixels.shape[2] > 1 else "YX"
    return Plane(take(pixels, choice), axes, orientation, notes=notes)


def _opaque(pixels: Pixels, header: PngHeader) -> tuple[Pixels, tuple[Note, ...]]:
    notes: tuple[Note, ...] = ()
    if header.color_type == _PALETTE:
        notes += (PALETTE_CONVERTED,)
    if header.color_type in (_GREY_ALPHA, _RGB_ALPHA) or header.transparent:
        pixels = pixels[..., :-1]
        notes += (ALPHA_DROPPED,)
    return pixels, notes
