"""The axes of a TIFF file: what OME, ImageJ, tifffile and MetaMorph wrote, or plain pages."""

from __future__ import annotations

import json
from math import prod
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
from tifffile import TiffFile, TiffPage

from brightfield.images.ome import ome_stacks
from brightfield.images.pixel_size import tagged_size
from brightfield.images.planes import choose
from brightfield.images.selection import Selection
from brightfield.images.stack import Stack

_REDUCED, _MASK = 1, 4


def read_stack(tif: TiffFile, selection: Selection) -> tuple[Stack, Selection]:
    """The stack that `selection` is about, and what of the selection is left to apply to it.

    A file with several OME images has `page` choose among them. Files without metadata of their
    axes are pages, thumbnails and masks (NewSubfileType 1 and 4) left out.
    """
    scenes = _ome(tif)
    if len(scenes) > 1:
        one = selection.model_copy(update={"z": None, "t": None, "channels": None, "axes": None})
        number = choose("PYX", (len(scenes), 1, 1), one).indices[0]
        assert isinstance(number, int)
        return scenes[number], selection.model_copy(update={"page": None})
    if scenes:
        return scenes[0], selection
    stack = _imagej(tif) or _shaped(tif) or _metamorph(tif) or _pages(tif)
    size, notes = tagged_size(tif, tif.pages.first)
    return Stack(stack.axes, stack.numbers, stack.contiguous, size, notes), selection


def _ome(tif: TiffFile) -> tuple[Stack, ...]:
    xml = tif.pages.first.description
    if not tif.is_ome or not xml:
        return ()
    try:
        return ome_stacks(xml, len(tif.pages))
    except (ParseError, KeyError, ValueError):
        return ()


def _imagej(tif: TiffFile) -> Stack | None:
    """ImageJ's hyperstacks: planes in the order czt unless stated, with or without own pages."""
    meta = tif.imagej_metadata
    if meta is None:
        return None
    page = tif.pages.first
    lengths = {
        "C": _count(meta, "channels"),
        "Z": _count(meta, "slices"),
        "T": _count(meta, "frames"),
    }
    if lengths["C"] == page.samplesperpixel > 1:
        lengths["C"] = 1  # Bio-Formats counts samples as channels
    order = str(meta.get("order", "czt")).upper()
    axes = (order if sorted(order) == ["C", "T", "Z"] else "CZT")[::-1]
    shape = tuple(lengths[axis] for axis in axes)
    if len(tif.pages) == 1 and max(_count(meta, "images"), prod(shape)) > 1:
        return _behind_first(axes, shape, max(_count(meta, "images"), prod(shape)))
    return _over_pages(axes, shape, len(tif.pages))


def _count(meta: dict[str, Any], name: str) -> int:
    value = meta.get(name, 1)
    return value if isinstance(value, int) and value > 0 else 1


def _over_pages(axes: str, shape: tuple[int, ...], pages: int) -> Stack | None:
    """A stack over all pages, or None where the shape does not fit their number."""
    if prod(shape) != pages:
        return None
    return Stack(axes, np.arange(pages, dtype=np.int64).reshape(shape))


def _behind_first(axes: str, shape: tuple[int, ...], planes: int) -> Stack:
    """Planes without pages: their numbers count from the first page's data."""
    if prod(shape) != planes:
        axes, shape = "P", (planes,)
    # A broadcast zero has the shape without the memory; the numbers themselves are not needed.
    return Stack(axes, np.broadcast_to(np.int64(0), shape), contiguous=True)


def _shaped(tif: TiffFile) -> Stack | None:
    """tifffile's JSON description, where one array with named axes fills the file."""
    page = tif.pages.first
    meta = _shape_description(page)
    if meta is None:
        return None
    shape, axes = meta
    planes = prod(shape) // max(1, prod(page.shape))
    leading = next((n for n in range(len(shape) + 1) if prod(shape[:n]) == planes), None)
    if leading is None or planes < 2:
        return None
    names = _page_axes(axes[:leading])
    if len(tif.pages) == 1:
        return _behind_first(names, shape[:leading], planes)
    return _over_pages(names, shape[:leading], len(tif.pages))


def _page_axes(names: str) -> str:
    """Axes over pages: samples there are channels; what is not T, Z or C, or again, is a page."""
    renamed = ""
    for name in names.replace("S", "C"):
        renamed += name if name in "TZC" and name not in renamed else "P"
    return renamed


def _shape_description(page: TiffPage) -> tuple[tuple[int, ...], str] | None:
    text = page.description
    if not text.startswith("{") or '"shape":' not in text:
        return None
    try:
        meta = json.loads(text)
        shape = tuple(int(size) for size in meta["shape"])
        axes = str(meta.get("axes") or "Q" * len(shape)).upper()
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if len(axes) != len(shape) or min(shape, default=0) < 1:
        return None
    return shape, axes


def _metamorph(tif: TiffFile) -> Stack | None:
    """MetaMorph's .stk keeps all planes behind one page."""
    meta = tif.stk_metadata
    planes = 1 if meta is None else _count(meta, "NumberPlanes")
    return _behind_first("P", (planes,), planes) if planes > 1 else None


def _pages(tif: TiffFile) -> Stack:
    numbers = [
        number
        for number, page in enumerate(tif.pages)
        if not int(page.aspage().tags.valueof(254, 0)) & (_REDUCED | _MASK)
    ]
    return Stack("P", np.array(numbers or [0], dtype=np.int64))
