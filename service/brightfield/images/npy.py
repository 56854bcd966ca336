"""NumPy's .npy: a small header and the array's bytes, mapped without a copy; never a pickle."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from brightfield.errors import AmbiguousAxes, PickledArray, TruncatedImage, UndecodableImage
from brightfield.images.colors import ALPHA_DROPPED
from brightfield.images.limits import check_pixels
from brightfield.images.picture import Note
from brightfield.images.plane import Plane
from brightfield.images.planes import choose, renamed, take
from brightfield.images.selection import Selection
from brightfield.tensors import Pixels


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """Shape, order and dtype of the array, and where its bytes begin."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int


def read_header(data: bytes) -> NpyHeader:
    """The header of a .npy file (versions 1 to 3); nothing is allocated for the array.

    Raises `TruncatedImage` within the header, `PickledArray` for Python objects, and
    `UndecodableImage` for a damaged header or a dtype that is no real number of up to 8 bytes.
    """
    version = tuple(data[6:8])
    wide = 2 if version == (1, 0) else 4
    if len(data) < 8 + wide or len(data) < 8 + wide + int.from_bytes(data[8 : 8 + wide], "little"):
        raise TruncatedImage("The .npy file ends within its header; send the whole file.")
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise UndecodableImage("The .npy version is not known; write it with numpy.save.")
    body = io.BytesIO(data)
    body.seek(8)
    parse = npy_format.read_array_header_1_0 if wide == 2 else npy_format.read_array_header_2_0
    shape, fortran, dtype = parse(body)
    if dtype.hasobject:
        raise PickledArray(
            "The .npy file holds pickled Python objects, which are never read; "
            "convert the array to numbers first, for example with array.astype('float32')."
        )
    if dtype.kind not in "buif" or dtype.itemsize > 8 or dtype.subdtype:
        raise UndecodableImage(
            f"Arrays of {dtype.name} are no images; send bool, integers or floats of up to "
            "64 bits (of complex numbers: numpy.abs, of records: one field)."
        )
    if any(size < 0 for size in shape):
        raise UndecodableImage("The .npy header gives a negative size.")
    return NpyHeader(shape, fortran, dtype, body.tell())


def read(data: bytes, selection: Selection, max_pixels: int, raw: bool = False) -> Plane:
    """The plane in a .npy file; `Plane.raw` is the whole array in native byte order.

    Known without `axes`: H x W, and H x W x 3 or 4 (RGB, RGBA). With `raw`, a three-dimensional
    array is C x H x W, as models that take arrays as they are sent want it.
    """
    header = read_header(data)
    axes = _axes(header.shape, selection, raw)
    choice = choose(axes, header.shape, selection)
    check_pixels(choice.size("X"), choice.size("Y"), max_pixels, channels=choice.channels)
    array = _array(data, header)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    rgba = axes == "YXS" and header.shape[2] == 4 and selection.channels is None
    pixels = take(native, choice)
    notes: tuple[Note, ...] = ()
    if rgba:
        pixels, notes = pixels[..., :3], (_rgba_note(),)
    return Plane(pixels, choice.axes, notes=notes, raw=native)


def _axes(shape: tuple[int, ...], selection: Selection, raw: bool) -> str:
    """The names of the axes: the caller's, or those of the shapes that have one meaning."""
    if selection.axes is not None:
        return renamed("?" * len(shape), shape, selection.axes)
    if len(shape) == 2:
        return "YX"
    if len(shape) == 3 and raw:
        return "CYX"
    if len(shape) == 3 and shape[2] in (3, 4):
        return "YXS"
    example = {3: "axes=CYX or axes=ZYX", 4: "axes=ZCYX or axes=TZYX"}.get(len(shape), "axes=TZCYX")
    if len(shape) < 2:
        raise UndecodableImage(f"An array of {len(shape)} dimensions is no image; send H x W.")
    raise AmbiguousAxes(
        f"The axes of an array of {' x '.join(map(str, shape))} are not known; name them, for "
        f"example {example}.",
        errors=[{"location": "axes", "expected": f"{len(shape)} letters", "received": None}],
    )


def _rgba_note() -> Note:
    return Note(
        ALPHA_DROPPED.code,
        "An array of H x W x 4 was taken for RGBA and its alpha dropped; axes=YXC keeps all four.",
    )


def _array(data: bytes, header: NpyHeader) -> Pixels:
    count = prod(header.shape)
    needed, present = count * header.dtype.itemsize, len(data) - header.start
    if needed > present:
        raise TruncatedImage(
            f"The .npy file has {present} of its array's {needed} bytes; send the whole file."
        )
    flat = np.frombuffer(data, header.dtype, count, header.start)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")
