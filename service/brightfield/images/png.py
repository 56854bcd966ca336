"""PNG through libpng: every bit depth and colour type, losslessly."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import imagecodecs
import numpy as np

from brightfield.errors import TruncatedImage, UndecodableImage
from brightfield.images import raster
from brightfield.images.channel_choice import samples_of
from brightfield.images.channels import ChannelFacts
from brightfield.images.colors import ALPHA_DROPPED, PALETTE_CONVERTED
from brightfield.images.limits import DecodedSize, Limits
from brightfield.images.orientation import exif_orientation
from brightfield.images.picture import Note
from brightfield.images.plane import Plane
from brightfield.images.planes import choose, take
from brightfield.images.selection import Selection
from brightfield.tensors import Pixels

_PALETTE = 3
# Channels of a colour type without its alpha: grey, RGB, palette, grey and RGB with alpha.
_COLORS = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}
# Encoders write chunks of 8 KB or more; these are 4 GB of them.
_MOST_CHUNKS = 500_000


@dataclass(frozen=True, slots=True)
class PngHeader:
    """What the chunks say: bits a sample, colour type, frames of an animation, EXIF."""

    depth: int
    color_type: int
    frames: int
    exif: bytes
    transparent: bool


def read_header(data: bytes) -> PngHeader:
    """The header of a PNG file whose chunks are all there, to the last.

    Raises `TruncatedImage` when a chunk or the closing IEND is missing, `UndecodableImage` when
    the file does not begin with a header chunk or its animation contradicts itself.
    """
    size(data)
    exif, before, after, announced = b"", 0, 0, []
    begun = transparent = False
    for name, start, length in _chunks(data):
        if name == b"IDAT":
            begun = True
        elif name == b"acTL" and not begun:
            announced.append(int.from_bytes(data[start : start + 4], "big"))
        elif name == b"fcTL":
            before, after = before + (not begun), after + begun
        elif name == b"tRNS":
            transparent = True
        elif name == b"eXIf":
            exif = data[start : start + length]
    if announced not in ([], [before + after]):
        raise UndecodableImage("The animated PNG has other frames than it announces.")
    # Without a frame chunk before it, the plain picture comes before the animation.
    frames = (before or 1) + after if announced else 1
    return PngHeader(data[24], data[25], frames, exif, transparent)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of every chunk's content, up to and with IEND."""
    position, name = 8, b""
    for _ in range(_MOST_CHUNKS):
        if name == b"IEND":
            return
        if position + 12 > len(data):
            raise _cut()
        length, name = struct.unpack_from(">I4s", data, position)
        if position + 12 + length > len(data):
            raise _cut()
        yield name, position + 8, length
        position += 12 + length
    raise UndecodableImage("The PNG has more chunks than any encoder writes; save it anew.")


def size(data: bytes) -> tuple[int, int]:
    """(width, height) from the header chunk alone."""
    if len(data) < 26:
        raise _cut()
    if data[12:16] != b"IHDR":
        raise UndecodableImage("The PNG does not begin with its header chunk.")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _cut() -> TruncatedImage:
    return TruncatedImage("The PNG ends before its last chunk; send the whole file.")


def read(data: bytes, selection: Selection, limits: Limits) -> Plane:
    """The picture in a PNG file; of an animation, the frame that `page` names."""
    width, height = size(data)
    limits.check_size(width, height)
    header = read_header(data)
    orientation = exif_orientation(header.exif)
    if header.frames > 1:
        if header.depth > 8:
            raise UndecodableImage("Animated PNGs are read with 8 bits; save each frame as a file.")
        return raster.read_frame(data, "PNG", header.frames, selection, limits, orientation)
    colors = _COLORS.get(header.color_type)
    if colors is None:
        raise UndecodableImage("The PNG has a colour type that does not exist.")
    choice = choose("YXS", (height, width, colors), selection)
    facts = samples_of(choice, selection)
    limits.check(_decoded_size(width, height, choice.channels, header, facts))
    pixels = _decoded(data, width, height, header)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    pixels, notes = _opaque(pixels, header)
    return Plane(take(pixels, choice), choice.source_axes, orientation, notes=notes, facts=facts)


def _decoded(data: bytes, width: int, height: int, header: PngHeader) -> Pixels:
    """As libpng gives it. Where that ends in an error, imagecodecs never lets go of the array that
    it decodes into, so it gets one of ours, whose memory is taken from it."""
    colors = _COLORS[header.color_type]
    alpha = header.color_type in (4, 6)
    # A transparent colour becomes alpha only where libpng takes it as valid.
    for channels in (colors + (alpha or header.transparent), colors + alpha):
        shape = (height, width) if channels == 1 else (height, width, channels)
        out = np.empty(shape, np.uint16 if header.depth == 16 else np.uint8)
        try:
            return np.asarray(imagecodecs.png_decode(data, out=out))
        except ValueError:  # of another shape
            continue
        except BaseException:
            out.resize(0, refcheck=False)
            raise
    raise UndecodableImage("The PNG is damaged; its transparency doesn't fit its colours.")


def _decoded_size(
    width: int, height: int, channels: int, header: PngHeader, facts: ChannelFacts
) -> DecodedSize:
    """A transparent colour or a palette with transparency is decoded with alpha, too."""
    stored = _COLORS[header.color_type] + 1
    if header.color_type in (0, 2) and not header.transparent:
        stored -= 1
    depth = np.dtype(np.uint16 if header.depth == 16 else np.uint8)
    return DecodedSize(width, height, channels, depth, stored, facts)


def _opaque(pixels: Pixels, header: PngHeader) -> tuple[Pixels, tuple[Note, ...]]:
    notes: tuple[Note, ...] = ()
    if header.color_type == _PALETTE:
        notes += (PALETTE_CONVERTED,)
    colors = _COLORS[header.color_type]
    # A transparent colour (tRNS) has become an alpha channel too, where libpng took it as valid.
    if pixels.shape[2] > colors:
        pixels = pixels[..., :colors]
        notes += (ALPHA_DROPPED,)
    return pixels, notes
