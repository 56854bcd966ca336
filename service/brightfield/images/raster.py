"""GIF, BMP, WebP and animated PNG through Pillow: 8-bit formats, several frames as pages."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
from PIL import Image

from brightfield.errors import InvalidParameter, TruncatedImage, UndecodableImage
from brightfield.images.colors import ALPHA_DROPPED, PALETTE_CONVERTED
from brightfield.images.limits import check_pixels
from brightfield.images.orientation import exif_orientation
from brightfield.images.picture import Note
from brightfield.images.plane import Plane
from brightfield.images.planes import choose, take
from brightfield.images.selection import Selection
from brightfield.tensors import Pixels

_GREY = ("1", "L", "LA")


def read_gif(data: bytes, selection: Selection, max_pixels: int) -> Plane:
    """The picture in a GIF file, or the frame that `page` names."""
    check_pixels(*gif_size(data), max_pixels)
    return read_frame(data, "GIF", gif_frames(data), selection, max_pixels)


def read_bmp(data: bytes, selection: Selection, max_pixels: int) -> Plane:
    """The picture in a Windows bitmap."""
    check_pixels(*bmp_size(data), max_pixels)
    return read_frame(data, "BMP", 1, selection, max_pixels)


def read_webp(data: bytes, selection: Selection, max_pixels: int) -> Plane:
    """The picture in a WebP file, or the frame that `page` names."""
    check_pixels(*webp_size(data), max_pixels)
    with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
        frames = getattr(image, "n_frames", 1)
        orientation = exif_orientation(image.info.get("exif", b""))
    return read_frame(data, "WEBP", frames, selection, max_pixels, orientation)


def read_frame(
    data: bytes,
    kind: str,
    frames: int,
    selection: Selection,
    max_pixels: int,
    orientation: int = 1,
) -> Plane:
    """One frame of a file that Pillow opens as `kind`.

    A frame is drawn over the ones before it, so frame n costs n + 1 frames of `max_pixels`.
    Pillow's own limit (`Image.MAX_IMAGE_PIXELS`) holds as well.
    """
    limit = min(max_pixels, Image.MAX_IMAGE_PIXELS or max_pixels)
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        # GIF frames after the first may bring colours, so all of an animation are read as RGB.
        mode = "L" if image.mode in _GREY and frames == 1 else "RGB"
        shape = (frames, image.height, image.width, 1 if mode == "L" else 3)
        choice = choose("PYXC", shape, selection)
        frame = choice.indices[0]
        if not isinstance(frame, int):
            raise InvalidParameter("Frames are read one at a time: name their axis P, Z or T.")
        check_pixels(image.width, image.height, limit, planes=frame + 1)
        if frame:
            image.seek(frame)
        pixels, notes = _opaque(image, mode)
    axes = ("P" if frames > 1 else "") + ("YX" if mode == "L" else "YXC")
    plane = take(pixels[None], replace(choice, indices=(0, *choice.indices[1:])))
    return Plane(plane, axes, orientation, notes=notes)


def _opaque(image: Image.Image, mode: str) -> tuple[Pixels, tuple[Note, ...]]:
    """The pixels without palette and alpha; every mode here has 8 bits or fewer a sample."""
    notes: tuple[Note, ...] = ()
    if image.mode in ("P", "PA"):
        notes += (PALETTE_CONVERTED,)
    if image.has_transparency_data:
        notes += (ALPHA_DROPPED,)
        image = image.convert("RGBA")  # straight to RGB, Pillow warns of transparent palettes
    return np.asarray(image.convert(mode)).reshape(image.height, image.width, -1), notes


def gif_size(data: bytes) -> tuple[int, int]:
    """(width, height) of a GIF's logical screen."""
    if len(data) < 10:
        raise _cut("GIF")
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def gif_frames(data: bytes) -> int:
    """The number of frames, found by walking every block up to the trailer.

    Raises `TruncatedImage` when the trailer is not reached.
    """
    try:
        position, frames = 13 + _table(data[10]), 0
        while (block := data[position]) != 0x3B:
            if block == 0x21:
                position = _past_blocks(data, position + 2)
            elif block == 0x2C:
                frames += 1
                position = _past_blocks(data, position + 11 + _table(data[position + 9]))
            else:
                raise UndecodableImage("The GIF's blocks are damaged.")
    except IndexError as fault:
        raise _cut("GIF") from fault
    return frames


def _table(flags: int) -> int:
    """Bytes of the colour table that the flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _past_blocks(data: bytes, position: int) -> int:
    while length := data[position]:
        position += 1 + length
    return position + 1


def bmp_size(data: bytes) -> tuple[int, int]:
    """(width, height) of a Windows bitmap; a negative height means rows from the top."""
    if len(data) < 26:
        raise _cut("BMP")
    old = data[14] == 12
    width, height = struct.unpack_from("<HH" if old else "<ii", data, 18)
    return width, abs(height)


def webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) of a WebP file whose length its RIFF header confirms.

    Raises `TruncatedImage` when there are fewer bytes than the header says.
    """
    if len(data) < 30 or len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise _cut("WebP")
    chunk = data[12:16]
    if chunk == b"VP8X":
        return (
            1 + int.from_bytes(data[24:27], "little"),
            1 + int.from_bytes(data[27:30], "little"),
        )
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise UndecodableImage("The WebP's first chunk is damaged.")


def _cut(name: str) -> TruncatedImage:
    return TruncatedImage(f"The {name} ends before its last pixels; send the whole file.")
