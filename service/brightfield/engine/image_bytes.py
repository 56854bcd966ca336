"""What a caller in Python may hand over as an image, as the bytes of a file."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from brightfield.images import encode

ImageLike = bytes | str | os.PathLike[str] | NDArray[Any] | Image.Image
"""The bytes of an image file, the path of one, an array or an image of Pillow's."""
ImageReader = Callable[[], bytes]
"""Gives the bytes of an image when they are needed; raises a `BrightfieldError`."""

# What PNG holds without loss, by Pillow's names.
_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


@singledispatch
def image_bytes(image: Any) -> bytes:
    """The bytes of a file with the image; those of a file as they are.

    A path is read. An array is (H, W), (H, W, C) or what else a .npy file may hold, in its own
    dtype, and means the same as in such a file. An image of Pillow's is taken as it is shown by
    Pillow, without loss: an orientation tag is not applied. Blocks.

    Raises `OSError` for a path that can't be read, and `TypeError` for anything else.
    """
    raise TypeError(
        "an image is the bytes or the path of a file, a NumPy array or an image of Pillow's, not "
        f"{type(image).__name__}"
    )


@image_bytes.register
def _of_bytes(image: bytes) -> bytes:
    return image


@image_bytes.register(bytearray)
@image_bytes.register(memoryview)
def _of_buffer(image: bytearray | memoryview) -> bytes:
    return bytes(image)


@image_bytes.register(str)
@image_bytes.register(os.PathLike)
def _of_path(image: str | os.PathLike[str]) -> bytes:
    return Path(image).read_bytes()


@image_bytes.register
def _of_array(image: np.ndarray) -> bytes:
    return encode.npy(image)


@image_bytes.register
def _of_pillow(image: Image.Image) -> bytes:
    if image.mode in ("I", "F"):  # 32 bits, which PNG doesn't hold
        return encode.npy(np.asarray(image))
    shown = image if image.mode in _PNG_MODES else image.convert("RGB")
    buffer = io.BytesIO()
    shown.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
