"""GIF, BMP, WebP and animated PNG through Pillow: 8-bit formats, several frames as pages."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from brightfield.errors import TooManyPixels, TruncatedImage
from brightfield.images import bmp, gif, webp
from brightfield.images.channel_choice import samples_of
from brightfield.images.colors import ALPHA_DROPPED, PALETTE_CONVERTED
from brightfield.images.limits import DecodedSize, Limits
from brightfield.images.orientation import exif_orientation
from brightfield.images.picture import Note
from brightfield.images.plane import Plane
from brightfield.images.planes import choose, misnamed, take
from brightfield.images.selection import Selection
from brightfield.tensors import Pixels

_GREY = ("1", "L", "LA")
# Half the bytes of a pixel that Pillow has in its hands at once: frames of four bytes and copies.
_COPIES = {"BMP": 6, "GIF": 8, "PNG": 8, "WEBP": 14}


def read_gif(data: bytes, selection: Selection, limits: Limits) -> Plane:
    """The picture in a GIF file, or the frame that `page` names."""
    limits.check_size(*gif.size(data))
    header = gif.read_header(data)
    _check(header.width, header.height, limits)
    return read_frame(data, "GIF", header.frames, selection, limits)


def read_bmp(data: bytes, selection: Selection, limits: Limits) -> Plane:
    """The picture in a Windows bitmap."""
    _check(*bmp.size(data), limits)
    bmp.check_whole(data)
    return read_frame(data, "BMP", 1, selection, limits)


def read_webp(data: bytes, selection: Selection, limits: Limits) -> Plane:
    """The picture in a WebP file, or the frame that `page` names."""
    _check(*webp.size(data), limits)
    header = webp.read_header(data)
    orientation = exif_orientation(header.exif)
    return read_frame(data, "WEBP", header.frames, selection, limits, orientation)


def _check(width: int, height: int, limits: Limits, planes: int = 1) -> None:
    """The limits' check, and Pillow's own limit before Pillow warns of it."""
    limits.check_size(width, height, planes=planes)
    bound = Image.MAX_IMAGE_PIXELS
    if bound is not None and width * height > bound:
        raise TooManyPixels(
            f"The image has {width} x {height} pixels; of this format at most {bound:,} are read. "
            "Save it as PNG or TIFF, or send a part of it."
        )


def read_frame(
    data: bytes,
    kind: str,
    frames: int,
    selection: Selection,
    limits: Limits,
    orientation: int = 1,
) -> Plane:
    """One frame of a file that Pillow opens as `kind`, whose size has been checked.

    A frame is drawn over the ones before it, so frame n costs n + 1 frames of the limit.
    """
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        # GIF frames after the first may bring colours, so all of an animation are read as RGB.
        mode = "L" if image.mode in _GREY and frames == 1 else "RGB"
        shape = (frames, image.height, image.width, 1 if mode == "L" else 3)
        choice = choose("PYXS", shape, selection)
        facts = samples_of(choice, selection)
        frame = choice.indices[0]
        if not isinstance(frame, int):
            why = "frames are read one at a time, so their axis is P, Z or T"
            raise misnamed("PYXS", shape, selection.axes, why)
        _check(image.width, image.height, limits, planes=frame + 1)
        size = image.width, image.height
        depth = np.dtype(np.uint8)
        limits.check(DecodedSize(*size, choice.channels, depth, _COPIES[kind], facts))
        pixels, notes = _frame(image, frame, mode)
    plane = take(pixels[None], replace(choice, indices=(0, *choice.indices[1:])))
    return Plane(plane, choice.source_axes, orientation, notes=notes, facts=facts)


def _frame(image: Image.Image, frame: int, mode: str) -> tuple[Pixels, tuple[Note, ...]]:
    try:
        if frame:
            image.seek(frame)
        image.load()
    except OSError as fault:
        if "truncated" in str(fault):
            raise TruncatedImage(
                f"The {image.format} ends before its last pixels; send the whole file."
            ) from fault
        raise
    return _opaque(image, mode)


def _opaque(image: Image.Image, mode: str) -> tuple[Pixels, tuple[Note, ...]]:
    """The pixels without palette and alpha; every mode here has 8 bits or fewer a sample."""
    notes: tuple[Note, ...] = ()
    if image.mode in ("P", "PA"):
        notes += (PALETTE_CONVERTED,)
    if image.has_transparency_data:
        notes += (ALPHA_DROPPED,)
        image = image.convert("RGBA")  # straight to RGB, Pillow warns of transparent palettes
    image = image if image.mode == mode else image.convert(mode)
    return np.asarray(image).reshape(image.height, image.width, -1), notes
