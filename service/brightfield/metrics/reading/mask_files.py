"""Masks in image files: the values that were stored, not the colours that are shown."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from brightfield.errors import AmbiguousAxes, BrightfieldError, InvalidRows, UndecodableImage
from brightfield.images import npy, png
from brightfield.images.decode import decode, describe, stack
from brightfield.images.limits import Limits
from brightfield.images.orientation import upright
from brightfield.images.selection import Selection
from brightfield.metrics.reading.file_orientation import orientation_of

Stored = NDArray[Any]

_PALETTE = 3  # a PNG's colour type, and a TIFF's photometric interpretation
# Compressions of TIFF that change values, or may do so: JPEG, JPEG 2000, WebP.
_LOSSY = frozenset({6, 7, 33003, 33004, 33005, 33007, 34712, 34892, 50001})


def labels_of_file(data: bytes, limits: Limits) -> Stored:
    """(H, W), or (D, H, W) of a file of several planes: the labels as they were stored.

    The index of a palette is the label, not its colour, and a PNG of 1, 2 or 4 bits has values from
    0 to 1, 3 or 15. They are turned as `orientation_of` says, as images are. Raises
    `InvalidRows` for files that lose values (JPEG and its like), for colours, and for axes that a
    mask does not have.
    """
    kind = describe(data).format
    try:
        return _READERS[kind](data, limits)
    except BrightfieldError:
        raise
    except Exception as fault:  # whatever the libraries raise for damage
        raise UndecodableImage(
            f"The {kind.upper()} file is damaged and cannot be decoded; send the original file."
        ) from fault


def _upright(labels: Stored, data: bytes) -> Stored:
    """Indices (H, W) or (D, H, W), which no decoder has turned, as they are displayed."""
    orientation = orientation_of(data)
    planes = labels[..., None] if labels.ndim == 2 else np.moveaxis(labels, 0, -1)
    turned = upright(planes, orientation)
    return turned[..., 0] if labels.ndim == 2 else np.moveaxis(turned, -1, 0)


def _planes(data: bytes, limits: Limits) -> Stored:
    """One plane, or all planes along Z."""
    try:
        chosen = stack(data, Selection(), limits=limits)
    except AmbiguousAxes as fault:
        axes = " and ".join(f"{name} ({count})" for name, count in fault.missing.items())
        raise InvalidRows(
            f"The file has the axes {axes} beside its planes, and a mask has Y and X, or Z, Y and "
            "X; save the mask alone."
        ) from None
    shown = describe(data)
    limits.check_size(shown.width, shown.height, planes=len(chosen))
    _check_opaque(data)
    found = [_grey(decode(data, each, limits=limits).pixels) for each in chosen]
    if len({plane.shape for plane in found}) > 1:
        raise InvalidRows("The planes of the file differ in size; they make no volume.")
    return found[0] if len(found) == 1 else np.stack(found)


def _check_opaque(data: bytes) -> None:
    """Raises `InvalidRows` for pixels of one value of which some alone are transparent: the mask
    may be what is transparent."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.mode not in ("LA", "RGBA"):
                return
            values, alpha = (np.asarray(picture.getchannel(c)) for c in (picture.mode[0], "A"))
    except UnidentifiedImageError:  # a TIFF that Pillow can't read has no alpha that hides a mask
        return
    different = len(np.unique(values.astype(np.int64) * 256 + alpha))
    if different > len(np.unique(values)):
        raise InvalidRows(
            "The picture has transparent pixels, and nobody says whether its values or its "
            "transparency are the mask; save the mask alone, as numbers."
        )


def _grey(pixels: Stored) -> Stored:
    if (pixels[..., 1:] != pixels[..., :1]).any():
        raise InvalidRows(
            "A mask has one channel, and this picture has colours; save the class or object of "
            "each pixel as a number, or as the index of a palette."
        )
    return pixels[..., 0]


def _of_png(data: bytes, limits: Limits) -> Stored:
    header = png.read_header(data)
    if header.color_type == _PALETTE:
        return _indices(data, limits)
    found = _planes(data, limits)
    # libpng stretches few bits over 0 to 255.
    return found // (255 // (2**header.depth - 1)) if header.depth < 8 else found


def _of_tiff(data: bytes, limits: Limits) -> Stored:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        pages = [page for page in file.pages if isinstance(page, tifffile.TiffPage)]
        if any(page.compression in _LOSSY for page in pages):
            raise _lossy("TIFF is compressed in a way that can change")
        indexed = any(page.photometric == _PALETTE for page in pages)
        if not indexed:
            return _planes(data, limits)
        shown = describe(data)
        limits.check_size(shown.width, shown.height, planes=len(file.pages))
        found: Stored = file.asarray()
    return _upright(found, data)


def _of_gif(data: bytes, limits: Limits) -> Stored:
    return _indices(data, limits)


def _of_webp(data: bytes, limits: Limits) -> Stored:
    if b"VP8L" not in data[:64]:
        raise _lossy("WebP changes")
    return _planes(data, limits)


def _of_jpeg(data: bytes, limits: Limits) -> Stored:
    raise _lossy("JPEG changes")


def _of_bmp(data: bytes, limits: Limits) -> Stored:
    with Image.open(io.BytesIO(data)) as picture:
        indexed = picture.mode == "P"
    return _indices(data, limits) if indexed else _planes(data, limits)


def _indices(data: bytes, limits: Limits) -> Stored:
    """The indices into a palette, which Pillow leaves as they are."""
    shown = describe(data)
    limits.check_size(shown.width, shown.height)
    with Image.open(io.BytesIO(data)) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            raise InvalidRows("A mask is one picture, and this file is an animation.")
        found = picture if picture.mode in ("P", "L", "1") else picture.convert("P")
        return _upright(np.asarray(found), data)


def _lossy(what: str) -> InvalidRows:
    return InvalidRows(
        f"{what} values, so labels are not what they were; save masks as PNG, TIFF or .npy."
    )


def _of_npy(data: bytes, limits: Limits) -> Stored:
    return npy.values(data, limits)


_READERS: dict[str, Callable[[bytes, Limits], Stored]] = {
    "bmp": _of_bmp,
    "gif": _of_gif,
    "jpeg": _of_jpeg,
    "npy": _of_npy,
    "png": _of_png,
    "tiff": _of_tiff,
    "webp": _of_webp,
}
