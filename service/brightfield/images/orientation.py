"""The EXIF orientation tag (274): reading it, and turning pixels as it says."""

from __future__ import annotations

import struct

import numpy as np

from brightfield.tensors import Pixels

_TAG = 274


def exif_orientation(exif: bytes) -> int:
    """The orientation (1 to 8) in a block of EXIF data; 1 when it is absent or malformed.

    `exif` is a TIFF header with its first directory, with or without the leading `Exif\\0\\0`.
    A wrong tag never spoils the image, so nothing is raised.
    """
    tiff = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", tiff, entry)
            if tag == _TAG:
                (value,) = struct.unpack_from(
                    f"{order}{'I' if kind == 4 else 'H'}", tiff, entry + 8
                )
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """`pixels` (H, W, C) as they are displayed; 5 to 8 exchange height and width.

    The tag says where the stored first row and column belong (TIFF 6.0, page 36).
    """
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
