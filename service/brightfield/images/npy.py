"""NumPy's .npy: a small header and the array's bytes, mapped without a copy; never a pickle."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from brightfield.errors import (
    AmbiguousAxes,
    PickledArray,
    TooManyPixels,
    TruncatedImage,
    UndecodableImage,
)
from brightfield.images.channels import ChannelFacts
from brightfield.images.colors import ALPHA_DROPPED
from brightfield.images.limits import DecodedSize, Limits
from brightfield.images.picture import Note
from brightfield.images.plane import Plane
from brightfield.images.planes import choose, renamed, take
from brightfield.images.selection import Selection
from brightfield.tensors import Pixels

# The header is a Python literal with three keys. Patterns read it: nothing is evaluated, and
# NumPy's own reader would warn of headers that Python 2 wrote (3L).
_DESCR = re.compile(rb"""['"]descr['"]\s*:\s*(?:['"]([^'"]*)['"]|([\[(]))""")
_ORDER = re.compile(rb"""['"]fortran_order['"]\s*:\s*(True|False)""")
_SHAPE = re.compile(rb"""['"]shape['"]\s*:\s*\(([\d\sL,]*)\)""")
_OBJECT = re.compile(rb"""['"][<>|=]?O\d*['"]""")
_NUMBER = re.compile(rb"[<>|=]?(?:b1|[iu][1248]|f[248])")
# As NumPy's own reader: longer headers only describe records.
_LONGEST = 10_000
_MOST_AXES, _LONGEST_AXIS = 16, 1 << 63
_MOST_NAMED = 6
# What axes besides rows and columns may be called, by the number of all.
_FURTHER = {2: ("",), 3: ("C", "Z"), 4: ("ZC", "TZ"), 5: ("TZC",), 6: ("PTZC",)}


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
    `UndecodableImage` for a damaged header, an array without values, or a dtype that is no real
    number of up to 8 bytes. Source: the NumPy enhancement proposal 1 and numpy.lib.format.
    """
    version = tuple(data[6:8])
    if len(version) == 2 and version not in ((1, 0), (2, 0), (3, 0)):
        raise UndecodableImage("The .npy version is not known; write it with numpy.save.")
    begin = 10 if version == (1, 0) else 12
    start = begin + int.from_bytes(data[8:begin], "little")
    if len(data) < max(begin, start):
        raise TruncatedImage("The .npy file ends within its header; send the whole file.")
    text = data[begin : min(start, begin + _LONGEST)]
    dtype = _dtype(text)
    order, sizes = _ORDER.search(text), _SHAPE.search(text)
    if order is None or sizes is None:
        raise UndecodableImage("The .npy header is damaged; write it with numpy.save.")
    shape = tuple(int(size) for size in re.findall(rb"\d+", sizes[1]))
    if 0 in shape:
        raise UndecodableImage("The array is empty: one of its axes has the length 0.")
    if max(shape, default=1) >= _LONGEST_AXIS:
        raise TooManyPixels("The .npy header promises more values than any file has.")
    return NpyHeader(shape, order[1] == b"True", dtype, start)


def _dtype(header: bytes) -> np.dtype[Any]:
    """The dtype of a header: a plain number, or the error that says why not."""
    descr = _DESCR.search(header)
    if descr is None:
        raise UndecodableImage("The .npy header is damaged; write it with numpy.save.")
    if _OBJECT.search(header, descr.start(1) - 1 if descr[1] is not None else descr.start(2)):
        raise PickledArray(
            "The .npy file holds pickled Python objects, which are never read; "
            "convert the array to numbers first, for example with array.astype('float32')."
        )
    if descr[1] is None or not _NUMBER.fullmatch(descr[1]):
        raise UndecodableImage(
            "Only arrays of bool, integers or floats of up to 64 bits are read (of complex "
            "numbers send numpy.abs, of records one field)."
        )
    return np.dtype(descr[1].decode("ascii"))


def size(data: bytes) -> tuple[int, int]:
    """(width, height) of H x W and H x W x C; of other shapes the last two axes."""
    shape = read_header(data).shape
    if len(shape) < 2:
        raise _no_image(shape)
    height, width = shape[:2] if len(shape) == 3 and shape[2] in (3, 4) else shape[-2:]
    return width, height


def _no_image(shape: tuple[int, ...]) -> UndecodableImage:
    return UndecodableImage(f"An array of {len(shape)} dimensions is no image; send H x W.")


def read(data: bytes, selection: Selection, limits: Limits, raw: bool = False) -> Plane:
    """The plane in a .npy file; `Plane.raw` is the whole array in native byte order.

    Known without `axes`: H x W, and H x W x 3 or 4 (RGB, RGBA). With `raw`, a three-dimensional
    array is C x H x W, as models that take arrays as they are sent want it.
    """
    header = read_header(data)
    axes = _axes(header.shape, selection, raw)
    choice = choose(axes, header.shape, selection)
    width, height, channels = choice.size("X"), choice.size("Y"), choice.channels
    limits.check_size(width, height, channels=channels)
    rgba = axes == "YXS" and header.shape[2] == 4 and selection.channels is None
    array = _array(data, header)
    # The whole array is copied where its byte order is foreign.
    stored = channels if header.dtype.isnative else max(channels, array.size // (width * height))
    facts = ChannelFacts(choice.separate, selection.channels is not None, (), choice.kept)
    limits.check(DecodedSize(width, height, 3 if rgba else channels, header.dtype, stored, facts))
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    pixels = take(native, choice)
    notes: tuple[Note, ...] = ()
    if rgba:
        pixels, notes = pixels[..., :3], (_rgba_note(),)
    return Plane(pixels, choice.source_axes, notes=notes, raw=native, facts=facts)


def _axes(shape: tuple[int, ...], selection: Selection, raw: bool) -> str:
    """The names of the axes: the caller's, or those of the shapes that have one meaning."""
    if len(shape) < 2:
        raise _no_image(shape)
    if selection.axes is not None and len(shape) <= _MOST_AXES:
        return renamed("?" * len(shape), shape, selection.axes)
    if len(shape) == 2:
        return "YX"
    if len(shape) == 3 and raw:
        return "CYX"
    if len(shape) == 3 and shape[2] in (3, 4):
        return "YXS"
    long = [i for i, size in enumerate(shape) if size > 1]
    if len(long) == 2 and len(shape) <= _MOST_AXES:
        return "".join("YX"[long.index(i)] if i in long else "?" for i in range(len(shape)))
    raise _unnamed([shape[i] for i in long] if len(long) > 2 else [*shape])


def _unnamed(sizes: list[int]) -> AmbiguousAxes:
    """The error for axes of these lengths, with names that would fit."""
    if len(sizes) > _MOST_NAMED:
        return AmbiguousAxes(
            f"The array has {len(sizes)} axes, and an image at most {_MOST_NAMED}; send one plane.",
            errors=[{"location": "axes", "expected": "2 to 6 axes", "received": len(sizes)}],
        )
    return AmbiguousAxes(
        f"The axes of an array of {' x '.join(map(str, sizes))} are not known; name them, for "
        f"example {' or '.join(_examples(sizes))}.",
        errors=[{"location": "axes", "expected": f"{len(sizes)} letters", "received": None}],
    )


def _examples(sizes: list[int]) -> tuple[str, ...]:
    """Names of axes that fit: the last one of 3 or 4 behind others is colour, the two longest of
    the others are rows and columns."""
    colour = len(sizes) > 3 and sizes[-1] in (3, 4)
    planes = sizes[:-1] if colour else sizes
    image = sorted(sorted(range(len(planes)), key=lambda i: -planes[i])[:2])
    names = []
    for letters in _FURTHER[len(planes)]:
        left = iter(letters)
        each = ("YX"[image.index(i)] if i in image else next(left) for i in range(len(planes)))
        names.append(f"axes={''.join(each)}{'S' if colour else ''}")
    return tuple(names)


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


def values(data: bytes, limits: Limits) -> Pixels:
    """The whole array of a .npy file in native byte order, of any number of dimensions.

    Raises as `read_header`, `TruncatedImage` where bytes are missing, `TooManyPixels` for more
    values than pixels are allowed, and what `Limits.check` raises.
    """
    header = read_header(data)
    count = prod(header.shape)
    limits.check_size(count, 1)
    if len(header.shape) > _MOST_AXES:
        raise _no_image(header.shape)
    array = _array(data, header)
    limits.check(DecodedSize(count, 1, 1, header.dtype))
    return array.astype(array.dtype.newbyteorder("="), copy=False)
