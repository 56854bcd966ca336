"""TIFF through tifffile: any depth, the chosen planes only, limits checked before decoding."""

from __future__ import annotations

from math import prod

import numpy as np
from tifffile import TiffPage

from brightfield.errors import InvalidParameter, UndecodableImage
from brightfield.images.limits import DecodedSize, Limits
from brightfield.images.photometric import check_readable, interpret, samples
from brightfield.images.picture import Note
from brightfield.images.plane import Plane
from brightfield.images.planes import PlaneChoice, choose, take
from brightfield.images.selection import Selection
from brightfield.images.stack import ABSENT, Pages, Stack
from brightfield.images.tiff_axes import read_stack
from brightfield.images.tiff_directory import Directory
from brightfield.images.tiff_pages import TiffPages
from brightfield.images.tiff_segments import JPEG_2000, check_segments, unpacked_apart
from brightfield.images.tiff_structure import Structure, cut, read_structure
from brightfield.tensors import Pixels

_ORIENTATION = 274
# Strips and tiles are read from the file in pieces of about this size.
_BUFFER = 1 << 24


def read(data: bytes, selection: Selection, limits: Limits) -> Plane:
    """The plane of a TIFF file that `selection` names; other planes are not decoded.

    uint8 to uint64, int, float16 to float64 and bilevel samples; OME, ImageJ and tifffile axes,
    else pages; palette, CMYK, alpha and WhiteIsZero brought to grey or RGB.
    """
    structure = read_structure(data)
    stack, rest = read_stack(structure, selection)
    with TiffPages(structure) as pages:
        choice, number = _choice(pages, stack, rest)
        page = pages[number]
        _check_page(page, structure, limits)
        leading = choice.indices[: len(stack.shape)]
        planes = prod(len(taken) for taken in stack.picks(leading))
        counted = planes * max(1, samples(page) // 3)
        limits.check_size(page.imagewidth, page.imagelength, planes=counted)
        limits.check(_decoded_size(page, choice, planes))
        if stack.contiguous:
            pixels, notes = _contiguous(page, structure, stack, choice)
        else:
            pixels, notes = _pages(pages, page, stack.numbers(leading), choice, structure)
    orientation = Directory.of(structure, number).number(_ORIENTATION, 1)
    upright = orientation if 1 <= orientation <= 8 else 1
    return Plane(pixels, choice.source_axes, upright, stack.calibration, notes)


def size(data: bytes) -> tuple[int, int]:
    """(width, height) of the first page."""
    first = Directory.of(read_structure(data), 0)
    return first.width, first.height


def _choice(pages: TiffPages, stack: Stack, selection: Selection) -> tuple[PlaneChoice, int]:
    """The choice along all axes, and the page that gives rows, columns and samples.

    Plain pages may differ in size and samples, so channels are chosen against the page picked.
    """
    if stack.contiguous:
        return _choose(stack, pages[0], selection), 0
    any_channels = selection.model_copy(update={"channels": None})
    choice = _choose(stack, pages[0], any_channels)
    number = int(stack.numbers(choice.indices[: len(stack.shape)]).flat[0])
    if number == ABSENT:
        raise _elsewhere()
    return _choose(stack, pages[number], selection), number


def _elsewhere() -> UndecodableImage:
    return UndecodableImage("The OME-XML places this plane in another file; send that one.")


def _choose(stack: Stack, page: TiffPage, selection: Selection) -> PlaneChoice:
    check_readable(page)
    shape = (*stack.shape, page.imagelength, page.imagewidth, samples(page))
    choice = choose(stack.axes + "YXS", shape, selection)
    leading = len(stack.shape)
    if choice.axes[leading : leading + 2] != "YX":
        raise InvalidParameter(
            f"axes={selection.axes} does not fit: in a TIFF page rows and columns come as YX, "
            "with samples as S behind them."
        )
    return choice


def _check_page(page: TiffPage, structure: Structure, limits: Limits) -> None:
    """Sizes, kinds and extents, from the directory alone."""
    channels = page.samplesperpixel
    limits.check_size(page.imagewidth, page.imagelength, channels=channels)
    if page.is_tiled:
        limits.check_size(page.tilewidth, page.tilelength, channels=channels)
    if page.imagedepth != 1 or page.tiledepth != 1:
        raise UndecodableImage("Volumes within one TIFF page are not read; save a page per plane.")
    if page.dtype is None or page.dtype.kind not in "buif":
        raise UndecodableImage("The TIFF's samples are no real numbers; save integers or floats.")
    check_segments(page, structure.data)


def _decoded_size(page: TiffPage, choice: PlaneChoice, planes: int) -> DecodedSize:
    """What decoding takes: the stored samples of all planes, in whole tiles."""
    width, height = page.imagewidth, page.imagelength
    stored = planes * page.samplesperpixel
    if page.is_tiled:
        tile = page.tilewidth * page.tilelength
        stored += -(-tile // (width * height)) * page.samplesperpixel
    channels = choice.channels if choice.merged is None else len(choice.merged)
    return DecodedSize(width, height, channels, np.dtype(page.dtype), max(stored, channels))


def _pages(
    pages: TiffPages, first: TiffPage, numbers: Pages, choice: PlaneChoice, structure: Structure
) -> tuple[Pixels, tuple[Note, ...]]:
    planes: list[Pixels] = []
    notes: tuple[Note, ...] = ()
    for number in numbers.flat:
        if number == ABSENT:
            raise _elsewhere()
        page = pages[int(number)]
        if (page.shape, page.dtype) != (first.shape, first.dtype):
            raise UndecodableImage("The TIFF's channels differ in size or type.")
        check_segments(page, structure.data)
        check_readable(page)
        plane, notes = interpret(_decoded(page, structure.data), page)
        planes.append(plane)
    stacked = planes[0][None] if len(planes) == 1 else np.stack(planes)
    stacked = stacked.reshape(*numbers.shape, *planes[0].shape)
    return take(stacked, _after_reading(choice, numbers.ndim, stacked.shape)), notes


def _decoded(page: TiffPage, data: bytes) -> Pixels:
    """(H, W, S) as stored: tifffile gives (separate samples, depth, H, W, interleaved samples)."""
    if int(page.compression) in JPEG_2000:
        return unpacked_apart(page, data)
    separate = page.asarray(squeeze=False, maxworkers=1, buffersize=_BUFFER)[:, 0]
    return np.moveaxis(separate, 0, 2).reshape(*separate.shape[1:3], -1)


def _after_reading(choice: PlaneChoice, leading: int, shape: tuple[int, ...]) -> PlaneChoice:
    """The choice once the needed pages alone are there: what was chosen has length 1."""
    indices = tuple(0 if isinstance(index, int) else None for index in choice.indices[:leading])
    return PlaneChoice(choice.axes, shape, indices + choice.indices[leading:], choice.merged)


def _contiguous(
    page: TiffPage, structure: Structure, stack: Stack, choice: PlaneChoice
) -> tuple[Pixels, tuple[Note, ...]]:
    """The chosen planes of data that lie behind one page, seen in place."""
    plain = int(page.compression) == page.planarconfig == page.fillorder == 1
    packed = page.dtype is None or page.bitspersample != page.dtype.itemsize * 8
    if not plain or page.is_tiled or packed or page.dtype is None:
        raise UndecodableImage(
            "The TIFF keeps several planes in one page, and not as plain values; save a page each."
        )
    shape = (*stack.shape, page.imagelength, page.imagewidth, page.samplesperpixel)
    dtype = page.dtype.newbyteorder("<" if structure.layout.order == "<" else ">")
    start = page.dataoffsets[0]
    if start + prod(shape) * dtype.itemsize > len(structure.data):
        raise cut()
    whole = np.ndarray(shape, dtype, structure.data, start)
    picks = stack.picks(choice.indices[: len(stack.shape)])
    planes = whole[np.ix_(*picks)]
    native = planes.astype(page.dtype.newbyteorder("="))
    flat = native.reshape(-1, *shape[-3:])
    converted = [interpret(plane, page) for plane in flat]
    stacked = np.stack([plane for plane, _ in converted]).reshape(
        *native.shape[:-3], *converted[0][0].shape
    )
    return take(stacked, _after_reading(choice, len(picks), stacked.shape)), converted[0][1]
