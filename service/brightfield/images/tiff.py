"""TIFF through tifffile: any depth, the chosen planes only, limits checked before decoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import NamedTuple

import numpy as np
from tifffile import TiffPage

from brightfield.errors import InvalidParameter, TooManyPixels, UndecodableImage
from brightfield.images.channel_choice import by_name, facts_of
from brightfield.images.channels import NO_NEEDS, ChannelFacts, ReadingNeeds
from brightfield.images.level_read import LevelRead
from brightfield.images.limits import DecodedSize, Limits
from brightfield.images.photometric import check_readable, grey, interpret, samples
from brightfield.images.picture import Note
from brightfield.images.plane import Plane
from brightfield.images.planes import PlaneChoice, choose, misnamed, take
from brightfield.images.selection import Selection
from brightfield.images.stack import ABSENT, Stack
from brightfield.images.tiff_axes import read_stack
from brightfield.images.tiff_directory import Directory
from brightfield.images.tiff_pages import TiffPages
from brightfield.images.tiff_pyramids import Level, at_level, levels_of, listed, sufficient
from brightfield.images.tiff_segments import JPEG_2000, check_segments, unpacked_apart
from brightfield.images.tiff_structure import Structure, cut, read_structure
from brightfield.tensors import Pixels

_ORIENTATION = 274
# Strips and tiles are read from the file in pieces of about this size.
_BUFFER = 1 << 24


def read(
    data: bytes, selection: Selection, limits: Limits, needs: ReadingNeeds = NO_NEEDS
) -> Plane:
    """The plane of a TIFF file that `selection` names; other planes are not decoded.

    uint8 to uint64, int, float16 to float64 and bilevel samples; OME, ImageJ and tifffile axes,
    else pages; palette, CMYK, alpha and WhiteIsZero brought to grey or RGB where they aren't
    display alone; ImageJ's calibration applied. Channels that `needs` names are picked by name
    where `selection` picks none. A pyramid is read at the level that suffices for `needs.scale`
    where `selection` names none.
    """
    structure = read_structure(data)
    stack, rest = read_stack(structure, selection)
    known = stack.calibration
    rest, picked = by_name(stack, rest, needs)
    scale = needs.scale(selection.pixel_size or known.pixel_size)
    structure, stack, level, seen = _opened(structure, stack, rest, scale, limits)
    with TiffPages(structure) as pages:
        choice, number = _choice(pages, stack, rest)
        page = pages[number]
        with _advised(structure, stack, number):
            _check_page(page, structure, limits)
        leading = choice.indices[: len(stack.shape)]
        planes = prod(len(taken) for taken in stack.picks(leading))
        counted = planes * max(1, samples(page, stack.shown_only) // 3)
        with _advised(structure, stack, number):
            limits.check_size(page.imagewidth, page.imagelength, planes=counted)
        facts = facts_of(stack, choice, rest, grey=grey(page))
        limits.check(_decoded_size(page, choice, planes, facts))
        if stack.contiguous:
            pixels, notes = _contiguous(page, structure, stack, choice)
        else:
            pixels, notes = _pages(pages, page, stack, choice, structure)
        if stack.values is not None:
            pixels, more = stack.values(pixels)
            notes = (*notes, *more)
    orientation = Directory.of(structure, number).number(_ORIENTATION, 1)
    upright = orientation if 1 <= orientation <= 8 else 1
    return Plane(
        pixels,
        choice.source_axes,
        upright,
        stack.calibration if level is None else known,
        (*seen, *picked, *notes),
        facts=facts,
        level=level,
    )


def levels(data: bytes, selection: Selection) -> tuple[tuple[int, int], ...]:
    """(width, height) of each level of the page that `selection` names, the largest first."""
    structure = read_structure(data)
    stack, rest = read_stack(structure, selection)
    with TiffPages(structure) as pages:
        _, number = _choice(pages, stack, rest)
    if stack.contiguous:
        first = Directory.of(structure, 0)
        return ((first.width, first.height),)
    return tuple((level.width, level.height) for level in levels_of(structure, number))


def size(data: bytes) -> tuple[int, int]:
    """(width, height) of the first page."""
    first = Directory.of(read_structure(data), 0)
    return first.width, first.height


class _Opened(NamedTuple):
    """A file, its stack, and the level that it is at where that stands for the full resolution."""

    structure: Structure
    stack: Stack
    level: LevelRead | None = None
    notes: tuple[Note, ...] = ()


def _opened(
    structure: Structure, stack: Stack, selection: Selection, scale: float, limits: Limits
) -> _Opened:
    """The file at the level that the selection names; if it names none, at the smallest one that
    has all that a model sees, which is `scale` pixels for each of the image along a side."""
    if selection.level and stack.contiguous:
        raise InvalidParameter(
            "The image has one level; leave level out.", errors=[{"location": "level"}]
        )
    by_scale = selection.level is None and scale < 1 and not stack.contiguous
    if not (selection.level or by_scale):
        return _Opened(structure, stack)
    with TiffPages(structure) as pages:
        choice, page = _choice(pages, stack, selection)
    needed = stack.numbers(choice.indices[: len(stack.shape)])
    if selection.level:
        return _Opened(*at_level(structure, stack, needed, selection.level))
    number = sufficient(structure, needed, scale)
    if not number:
        return _Opened(structure, stack)
    levels = levels_of(structure, page)
    with _advised(structure, stack, page):
        limits.check_size(levels[0].width, levels[0].height, planes=needed.size)
    read = LevelRead(number, levels[0].height, levels[0].width)
    note = _level_note(levels, number, scale)
    return _Opened(*at_level(structure, stack, needed, number), read, (note,))


def _level_note(levels: Sequence[Level], number: int, scale: float) -> Note:
    full, read = levels[0], levels[number]
    detail = (
        f"The model sees the image at {scale:.3g} of its size, so level {number} of the pyramid "
        f"({read.width} x {read.height}) was read; answers are in pixels of the full resolution "
        f"({full.width} x {full.height}). level=0 reads that, and level={number} answers in pixels "
        "of the level."
    )
    return Note("level_chosen", detail)


@contextmanager
def _advised(structure: Structure, stack: Stack, page: int) -> Iterator[None]:
    """Names the levels of a page that is too large."""
    try:
        yield
    except TooManyPixels as fault:
        levels = () if stack.contiguous else levels_of(structure, page)
        if len(levels) < 2:
            raise
        raise TooManyPixels(
            f"{fault.detail} It has smaller levels: {listed(levels)}.", errors=fault.errors
        ) from fault


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
    shape = (*stack.shape, page.imagelength, page.imagewidth, samples(page, stack.shown_only))
    choice = choose(stack.axes + "YXS", shape, selection)
    leading = len(stack.shape)
    if choice.axes[leading : leading + 2] != "YX":
        why = "in a TIFF page rows and columns come as YX, with samples as S behind them"
        raise misnamed(stack.axes + "YXS", shape, selection.axes, why)
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


def _decoded_size(
    page: TiffPage, choice: PlaneChoice, planes: int, facts: ChannelFacts
) -> DecodedSize:
    """What decoding takes: the stored samples of all planes, in whole tiles."""
    width, height = page.imagewidth, page.imagelength
    stored = planes * page.samplesperpixel
    if page.is_tiled:
        tile = page.tilewidth * page.tilelength
        stored += -(-tile // (width * height)) * page.samplesperpixel
    channels = choice.channels if choice.merged is None else len(choice.merged)
    return DecodedSize(width, height, channels, np.dtype(page.dtype), max(stored, channels), facts)


def _pages(
    pages: TiffPages, first: TiffPage, stack: Stack, choice: PlaneChoice, structure: Structure
) -> tuple[Pixels, tuple[Note, ...]]:
    numbers = stack.numbers(choice.indices[: len(stack.shape)])
    planes: list[Pixels] = []
    notes: tuple[Note, ...] = ()
    for number in numbers.flat:
        if number == ABSENT:
            raise _elsewhere()
        page = pages[int(number)]
        if (page.shape, page.dtype) != (first.shape, first.dtype):
            raise UndecodableImage(
                "The TIFF's channels differ in size or type; choose one, as channels=0."
            )
        check_segments(page, structure.data)
        check_readable(page)
        plane, notes = interpret(_decoded(page, structure.data), page, stack.shown_only)
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
    converted = [interpret(plane, page, stack.shown_only) for plane in flat]
    stacked = np.stack([plane for plane, _ in converted]).reshape(
        *native.shape[:-3], *converted[0][0].shape
    )
    return take(stacked, _after_reading(choice, len(picks), stacked.shape)), converted[0][1]
