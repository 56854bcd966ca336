"""From arrays to the bytes of PNG, TIFF and NPY files."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from brightfield.tensors import Pixels

# Level 1 is five times as fast as Pillow's default and a few percent larger.
_PNG_LEVEL = 1
_END = 12  # bytes of PNG's last chunk

Facts = Mapping[str, str]
"""What a file says of itself: texts by their names."""


def png(pixels: Pixels, facts: Facts | None = None) -> bytes:
    """uint8 or uint16 (H, W) or (H, W, C) with C = 1, 3 or 4, losslessly; `facts` as text chunks.

    Raises `ValueError` for another dtype or number of channels.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if pixels.dtype not in (np.uint8, np.uint16) or channels not in (1, 3, 4):
        raise ValueError(
            f"PNG holds 8 or 16 bits and 1, 3 or 4 channels, not {pixels.dtype} x {channels}"
        )
    return _with_texts(_png(pixels, channels), facts or {})


def _png(pixels: Pixels, channels: int) -> bytes:
    if pixels.dtype == np.uint8:
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", compress_level=_PNG_LEVEL)
        return buffer.getvalue()
    # Pillow has no 16-bit colour; OpenCV writes it, with its own order of channels.
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(channels)
    ordered = pixels if order is None else pixels[..., order]
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(ordered))
    return encoded.tobytes()


def _with_texts(data: bytes, facts: Facts) -> bytes:
    """The PNG with a chunk for each fact before its last one; OpenCV writes none itself."""
    if not facts:
        return data
    chunks = (_text_chunk(name, text) for name, text in facts.items())
    return b"".join((data[:-_END], *chunks, data[-_END:]))


def _text_chunk(name: str, text: str) -> bytes:
    """tEXt, which is Latin-1, where that is enough, else iTXt, which is UTF-8."""
    key = name.encode("latin-1") + b"\0"
    try:
        content = b"tEXt" + key + text.encode("latin-1")
    except UnicodeEncodeError:
        content = b"iTXt" + key + b"\0\0\0\0" + text.encode()
    length = (len(content) - 4).to_bytes(4, "big")
    return length + content + zlib.crc32(content).to_bytes(4, "big")


def tiff(
    array: NDArray[Any],
    axes: str,
    pixel_size: float | None = None,
    spacing: float | None = None,
    origin: tuple[float, float] = (0.0, 0.0),
    facts: Facts | None = None,
) -> bytes:
    """Any array with named axes (`YX`, `CYX`, `ZYX`, `YXS`) as a deflate-compressed TIFF.

    ImageJ's form where its types (8, 16 and 32 bit; colour of 8 bit) and its order of axes allow,
    so that Fiji shows them. `pixel_size` in micrometres goes into the resolution tags, `spacing`
    from plane to plane into the description, `origin` (the place of the corner in a larger image,
    in pixels of this one) into ImageJ's `xorigin` and `yorigin`, and `facts` into the description,
    one per line in ImageJ's form, else as JSON.
    """
    known: dict[str, Any] = _calibration(pixel_size, spacing, origin)
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        np.ascontiguousarray(array),
        imagej=_fits_imagej(array, axes),
        photometric="rgb" if axes.endswith("S") else "minisblack",
        compression="zlib",
        **_form(array, axes, pixel_size, known, facts or {}),
    )
    return buffer.getvalue()


def _form(
    array: NDArray[Any], axes: str, pixel_size: float | None, known: dict[str, Any], facts: Facts
) -> dict[str, Any]:
    """The description and the resolution, as the form of the file has them."""
    resolution = (1.0, 1.0) if pixel_size is None else (1 / pixel_size, 1 / pixel_size)
    lines = {**known, **{name.lower(): _line(text) for name, text in facts.items()}}
    if _fits_imagej(array, axes):
        # What Image > Show Info shows in ImageJ.
        info = "".join(f"{name}: {text}\n" for name, text in facts.items())
        shown = {"Info": info} if facts else {}
        return {"metadata": {"axes": axes, **lines, **shown}, "resolution": resolution}
    if array.dtype == np.uint32 and axes in ("YX", "ZYX"):
        # ImageJ opens 32 bit, too, but tifffile writes none in ImageJ's form.
        planes = 1 if axes == "YX" else len(array)
        stack = {"images": planes, "slices": planes, "hyperstack": "false", **lines}
        written = "".join(f"{name}={value}\n" for name, value in stack.items())
        description = f"ImageJ=1.11a\n{written}"
        return {"metadata": None, "description": description, "resolution": resolution,
                "resolutionunit": 1}  # fmt: skip
    named = {name.lower(): text for name, text in facts.items()}
    form: dict[str, Any] = {"metadata": {"axes": axes, **known, **named}}
    if pixel_size is not None:
        form |= {"resolution": tuple(1e4 * each for each in resolution), "resolutionunit": 3}
    return form


def _calibration(
    pixel_size: float | None, spacing: float | None, origin: tuple[float, float]
) -> dict[str, Any]:
    """In ImageJ's words. Its unit is that of all three axes."""
    known: dict[str, Any] = {} if pixel_size is None else {"unit": "um"}
    if spacing is not None and pixel_size is not None:
        known["spacing"] = spacing
    if origin != (0.0, 0.0):
        known |= {"xorigin": -origin[0], "yorigin": -origin[1]}
    return known


def _line(text: str) -> str:
    """One line of ASCII; what isn't is escaped as in Java's properties, which ImageJ reads."""
    escaped = text.encode("ascii", "backslashreplace").decode()
    return " ".join(escaped.split())


def _fits_imagej(array: NDArray[Any], axes: str) -> bool:
    types = ["uint8"] if "S" in axes else ["uint8", "uint16", "float32"]
    in_order = axes == "".join(axis for axis in "TZCYXS" if axis in axes)
    return in_order and array.dtype.name in types


def npy(array: NDArray[Any]) -> bytes:
    """NumPy's own format, in C order, never pickled."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
