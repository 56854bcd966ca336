"""From arrays to the bytes of PNG, TIFF and NPY files."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from brightfield.tensors import Pixels

# Level 1 is five times as fast as Pillow's default and a few percent larger.
_PNG_LEVEL = 1


def png(pixels: Pixels) -> bytes:
    """uint8 or uint16 (H, W) or (H, W, C) with C = 1, 3 or 4, losslessly.

    Raises `ValueError` for another dtype or number of channels.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if pixels.dtype not in (np.uint8, np.uint16) or channels not in (1, 3, 4):
        raise ValueError(
            f"PNG holds 8 or 16 bits and 1, 3 or 4 channels, not {pixels.dtype} x {channels}"
        )
    if pixels.dtype == np.uint8:
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", compress_level=_PNG_LEVEL)
        return buffer.getvalue()
    # Pillow has no 16-bit colour; OpenCV writes it, with its own order of channels.
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(channels)
    ordered = pixels if order is None else pixels[..., order]
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(ordered))
    return encoded.tobytes()


def tiff(array: NDArray[Any], axes: str, pixel_size: float | None = None) -> bytes:
    """Any array with named axes (`YX`, `CYX`, `ZYX`, `YXS`) as a deflate-compressed TIFF.

    ImageJ's form where its types (8 and 16 bit, float32; colour of 8 bit) and its order of axes
    allow, so that Fiji shows them; `pixel_size` in micrometres goes into the resolution tags.
    """
    imagej = _fits_imagej(array, axes)
    metadata: dict[str, Any] = {"axes": axes}
    options: dict[str, Any] = {}
    if pixel_size is not None:
        per_pixel = 1 / pixel_size
        if imagej:
            metadata["unit"] = "um"
            options["resolution"] = (per_pixel, per_pixel)
        else:
            options |= {"resolution": (1e4 * per_pixel, 1e4 * per_pixel), "resolutionunit": 3}
    photometric = "rgb" if axes.endswith("S") else "minisblack"
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        np.ascontiguousarray(array),
        imagej=imagej,
        photometric=photometric,
        compression="zlib",
        metadata=metadata,
        **options,
    )
    return buffer.getvalue()


def _fits_imagej(array: NDArray[Any], axes: str) -> bool:
    types = ["uint8"] if "S" in axes else ["uint8", "uint16", "float32"]
    in_order = axes == "".join(axis for axis in "TZCYXS" if axis in axes)
    return in_order and array.dtype.name in types


def npy(array: NDArray[Any]) -> bytes:
    """NumPy's own format, in C order, never pickled."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
