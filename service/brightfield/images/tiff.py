"""TIFF through tifffile: any depth, the chosen planes only, limits checked before decoding."""

from __future__ import annotations

import io
from math import prod

import numpy as np
from tifffile import COMPRESSION, TiffFile, TiffPage

from brightfield.errors import InvalidParameter, TooManyPixels, UndecodableImage
from brightfield.images import jpeg
from brightfield.images.limits import check_pixels
from brightfield.images.photometric import check_readable, interpret, samples
from brightfield.images.picture import Note
from brightfield.images.plane import Plane
from brightfield.images.planes import PlaneChoice, choose, take
from brightfield.images.selection import Selection
from brightfield.images.stack import ABSENT, Stack
from brightfield.images.tiff_axes import read_stack
from brightfield.images.tiff_structure import check_whole, cut
from brightfield.tensors import Pixels

_JPEG = frozenset({6, 7, 33007, 34892})
_JPEG_2000 = frozenset({33003, 33004, 33005, 34712})
# None, CCITT, LZW, deflate, PackBits, LZMA, Zstandard: their output is bounded by the strip.
_BOUNDED = frozenset({1, 2, 3, 4, 5, 8, 32946, 32773, 34925, 50000, 34926})


def read(data: bytes, selection: Selection, max_pixels: int) -> Plane:
    """The plane of a TIFF file that `selection` names; other planes are not decoded.

    uint8 to uint64, int, float16 to float64 and bilevel samples; OME, ImageJ and tifffile axes,
    else pages; palette, CMYK, alpha and WhiteIsZero brought to grey or RGB.
    """
    check_whole(data)
    # Vendor fixes that patch or load every page at opening are left off.
    with TiffFile(io.BytesIO(data), is_ndpi=False, is_scanimage=False) as tif:
        stack, rest = read_stack(tif, selection)
        choice, page = _choice(tif, stack, rest)
        _check_page(page, data, max_pixels)
        numbers = _numbers(stack, choice)
        planes = numbers.size * max(1, samples(page) // 3)
        check_pixels(page.imagewidth, page.imagelength, max_pixels, planes=planes)
        if stack.contiguous:
            pixels, notes = _contiguous(tif, page, data, stack, choice)
        else:
            pixels, notes = _pages(tif, page, numbers, choice, data)
        orientation = page.tags.valueof(274, 1)
        upright = orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1
    return Plane(pixels, choice.source_axes, upright, stack.pixel_size, (*stack.notes, *notes))


def size(data: bytes) -> tuple[int, int]:
    """(width, height) of the first page."""
    check_whole(data)
    with TiffFile(io.BytesIO(data), is_ndpi=False, is_scanimage=False) as tif:
        return tif.pages.first.imagewidth, tif.pages.first.imagelength


def _choice(tif: TiffFile, stack: Stack, selection: Selection) -> tuple[PlaneChoice, TiffPage]:
    """The choice along all axes, and the page that gives rows, columns and samples.

    Plain pages may differ in size and samples, so channels are chosen against the page picked.
    """
    page = tif.pages.first
    any_channels = selection.model_copy(update={"channels": None})
    choice = _choose(stack, page, any_channels)
    if stack.contiguous:
        return _choose(stack, page, selection), page
    first = int(_numbers(stack, choice).flat[0])
    if first == ABSENT:
        raise UndecodableImage("The OME-XML places this plane in another file; send that one.")
    page = tif.pages[first].aspage()
    return _choose(stack, page, selection), page


def _choose(stack: Stack, page: TiffPage, selection: Selection) -> PlaneChoice:
    check_readable(page)
    shape = (*stack.numbers.shape, page.imagelength, page.imagewidth, samples(page))
    choice = choose(stack.axes + "YXS", shape, selection)
    leading = stack.numbers.ndim
    if choice.axes[leading : leading + 2] != "YX":
        raise InvalidParameter(
            f"axes={selection.axes} does not fit: in a TIFF page rows and columns come as YX, "
            "with samples as S behind them."
        )
    return choice


def _numbers(stack: Stack, choice: PlaneChoice) -> np.ndarray:
    """The page numbers that are needed, one dimension for each leading axis."""
    picks = [
        range(size) if index is None else [index] if isinstance(index, int) else index
        for index, size in zip(choice.indices, stack.numbers.shape, strict=False)
    ]
    return stack.numbers[np.ix_(*picks)] if picks else stack.numbers


def _check_page(page: TiffPage, data: bytes, max_pixels: int) -> None:
    """Sizes, kinds and extents, from the directory alone."""
    check_pixels(page.imagewidth, page.imagelength, max_pixels, channels=page.samplesperpixel)
    if page.is_tiled:
        check_pixels(page.tilewidth, page.tilelength, max_pixels, channels=page.samplesperpixel)
    if page.imagedepth != 1 or page.tiledepth != 1:
        raise UndecodableImage("Volumes within one TIFF page are not read; save a page per plane.")
    if page.dtype is None or page.dtype.kind not in "buif":
        raise UndecodableImage("The TIFF's samples are no real numbers; save integers or floats.")
    _check_segments(page, data)


def _check_segments(page: TiffPage, data: bytes) -> None:
    extents = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if len(extents) < prod(page.chunked) or any(not (at and count) for at, count in extents):
        raise UndecodableImage(
            "The TIFF lists strips or tiles without data; it was not written to its end."
        )
    if any(at + count > len(data) for at, count in extents):
        raise cut()
    compression = int(page.compression)
    if compression in _BOUNDED:
        return
    if compression not in _JPEG | _JPEG_2000:
        known = compression in set(COMPRESSION)
        raise UndecodableImage(
            f"TIFF compression {COMPRESSION(compression).name if known else compression} is not "
            "read; save it uncompressed or with LZW, deflate, Zstandard or JPEG."
        )
    width = max(page.tilewidth, page.imagewidth)
    height = max(page.tilelength, page.imagelength)
    for at, count in extents:
        inner = _inner_size(data[at : at + count], compression)
        if inner[0] > width or inner[1] > height:
            raise TooManyPixels("A strip or tile of the TIFF is larger than the TIFF says.")


def _inner_size(segment: bytes, compression: int) -> tuple[int, int]:
    """(width, height) that a JPEG or JPEG 2000 strip or tile says it has.

    A JPEG must have its end marker: what is missing would be filled with grey.
    """
    if compression in _JPEG:
        header = jpeg.read_header(segment)
        if jpeg.ends_early(segment, header):
            raise cut()
        return header.width, header.height
    start = segment.find(b"\xff\x4f\xff\x51")  # the SIZ marker follows the start of codestream
    if start < 0 or len(segment) < start + 24:
        raise UndecodableImage("A JPEG 2000 tile of the TIFF is damaged.")
    edges = [int.from_bytes(segment[start + i : start + i + 4], "big") for i in (8, 12, 16, 20)]
    return edges[0] - edges[2], edges[1] - edges[3]


def _pages(
    tif: TiffFile, first: TiffPage, numbers: np.ndarray, choice: PlaneChoice, data: bytes
) -> tuple[Pixels, tuple[Note, ...]]:
    planes: list[Pixels] = []
    notes: tuple[Note, ...] = ()
    for number in numbers.flat:
        if number == ABSENT:
            raise UndecodableImage("The OME-XML places this plane in another file; send that one.")
        page = tif.pages[int(number)].aspage()
        if (page.shape, page.dtype) != (first.shape, first.dtype):
            raise UndecodableImage("The TIFF's channels differ in size or type.")
        _check_segments(page, data)
        check_readable(page)
        plane, notes = interpret(_decoded(page), page)
        planes.append(plane)
    stacked = np.stack(planes).reshape(*numbers.shape, *planes[0].shape)
    return take(stacked, _after_reading(choice, numbers.ndim, stacked.shape)), notes


def _decoded(page: TiffPage) -> Pixels:
    """(H, W, S) as stored: tifffile gives (separate samples, depth, H, W, interleaved samples)."""
    separate = page.asarray(squeeze=False, maxworkers=1)[:, 0]
    return np.moveaxis(separate, 0, 2).reshape(*separate.shape[1:3], -1)


def _after_reading(choice: PlaneChoice, leading: int, shape: tuple[int, ...]) -> PlaneChoice:
    """The choice once the needed pages alone are there: what was chosen has length 1."""
    indices = tuple(0 if isinstance(index, int) else None for index in choice.indices[:leading])
    return PlaneChoice(choice.axes, shape, indices + choice.indices[leading:], choice.merged)


def _contiguous(
    tif: TiffFile, page: TiffPage, data: bytes, stack: Stack, choice: PlaneChoice
) -> tuple[Pixels, tuple[Note, ...]]:
    """The chosen planes of data that lie behind one page, seen in place."""
    plain = int(page.compression) == page.planarconfig == page.fillorder == 1
    packed = page.dtype is None or page.bitspersample != page.dtype.itemsize * 8
    if not plain or page.is_tiled or packed or page.dtype is None:
        raise UndecodableImage(
            "The TIFF keeps several planes in one page, and not as plain values; save a page each."
        )
    shape = (*stack.numbers.shape, page.imagelength, page.imagewidth, page.samplesperpixel)
    dtype = page.dtype.newbyteorder(tif.byteorder)
    start = page.dataoffsets[0]
    if start + prod(shape) * dtype.itemsize > len(data):
        raise cut()
    whole = np.ndarray(shape, dtype, data, start)
    picks = [
        np.arange(n) if i is None else np.atleast_1d(i)
        for i, n in zip(choice.indices, stack.numbers.shape, strict=False)
    ]
    planes = whole[np.ix_(*picks)]
    native = planes.astype(page.dtype.newbyteorder("="))
    flat = native.reshape(-1, *shape[-3:])
    converted = [interpret(plane, page) for plane in flat]
    stacked = np.stack([plane for plane, _ in converted]).reshape(
        *native.shape[:-3], *converted[0][0].shape
    )
    return take(stacked, _after_reading(choice, len(picks), stacked.shape)), converted[0][1]
