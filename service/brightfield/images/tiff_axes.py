"""The axes of a TIFF file: what OME, ImageJ, tifffile and MetaMorph wrote, or plain pages."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from math import prod
from operator import mul
from typing import Any
from xml.parsers.expat import ExpatError

import numpy as np
from numpy.typing import NDArray

from brightfield.images.imagej import ImageJFacts, read_imagej
from brightfield.images.imagej_labels import channel_names
from brightfield.images.ome import ome_stack
from brightfield.images.ome_xml import MOST_BYTES, read_ome_xml
from brightfield.images.photometric import IMAGEJ_SHOWS
from brightfield.images.pixel_size import tagged_calibration
from brightfield.images.planes import choose_page, misnamed
from brightfield.images.selection import Selection
from brightfield.images.stack import Pages, Stack
from brightfield.images.tiff_directory import Directory
from brightfield.images.tiff_pyramids import pictures_of
from brightfield.images.tiff_structure import Structure, cut
from brightfield.json_text import parse_json

_MOST_AXES, _LONGEST = 16, 1 << 31
# tifffile's description holds what users add to the shape, too.
_MOST_JSON = 1 << 20
_STK_PLANES, _STK = 33629, 33628


def read_stack(structure: Structure, selection: Selection) -> tuple[Stack, Selection]:
    """The stack that `selection` is about, and what of the selection is left to apply to it.

    A file with several OME images has `page` choose among them. Files without metadata of their
    axes are pages, thumbnails and masks left out.
    """
    first = Directory.of(structure, 0)
    found = _ome(structure, first, selection)
    if found is not None and not found[0].calibration.silent:
        return found
    imagej = read_imagej(first)
    tagged = tagged_calibration(first, imagej)
    if found is not None:
        stack, rest = found
        return replace(stack, calibration=replace(tagged, spacing=stack.calibration.spacing)), rest
    stack = (
        _imagej(structure, first, imagej)
        or _shaped(structure, first)
        or _metamorph(structure, first)
        or _plain(structure)
    )
    stack = replace(stack, calibration=tagged)
    if imagej is not None:
        stack = replace(stack, shown_only=IMAGEJ_SHOWS, values=imagej.values)
    return stack, selection


def _ome(
    structure: Structure, first: Directory, selection: Selection
) -> tuple[Stack, Selection] | None:
    """The image in the OME-XML that `page` names, or None where there is no such XML."""
    if not first.description(MOST_BYTES + 1)[-10:].strip().endswith(b"OME>"):
        return None
    try:
        images = read_ome_xml(first.description(MOST_BYTES + 1))
        if not images:
            return None
        number, rest = 0, selection
        if len(images) > 1:
            number = choose_page(len(images), selection)
            rest = selection.model_copy(update={"page": None})
        stack = ome_stack(images[number], len(structure), first.samples)
        if len(images) > 1 and "P" in (selection.axes or ""):
            why = "pages are the images of this file, so none of their own axes is P"
            raise misnamed(stack.axes + "YX", (*stack.shape, 1, 1), selection.axes, why)
        return stack, rest
    except (ExpatError, KeyError, ValueError):
        return None


def _imagej(structure: Structure, first: Directory, facts: ImageJFacts | None) -> Stack | None:
    """ImageJ's hyperstacks: planes in the order czt unless stated, with or without own pages."""
    if facts is None:
        return None
    lengths = {"C": facts.channels, "Z": facts.slices, "T": facts.frames}
    if lengths["C"] == first.samples > 1:
        lengths["C"] = 1  # Bio-Formats counts samples as channels
    axes = facts.order[::-1]
    shape = tuple(lengths[axis] for axis in axes)
    planes = max(facts.images, prod(shape))
    if len(structure) == 1 and planes > 1:
        stack: Stack | None = _behind_first(structure, first, axes, shape, planes)
    else:
        stack = _over_pages(axes, shape, len(structure))
    if stack is None or lengths["C"] == 1:
        return stack
    return replace(stack, channel_names=channel_names(first, facts))


def _same(planes: NDArray[np.int64]) -> Pages:
    """Plane n is page n."""
    return planes


def _over_pages(axes: str, shape: tuple[int, ...], pages: int) -> Stack | None:
    """A stack over all pages, or None where the shape does not fit their number."""
    return Stack(axes, shape, _same) if prod(shape) == pages else None


def _behind_first(
    structure: Structure, first: Directory, axes: str, shape: tuple[int, ...], planes: int
) -> Stack:
    """Planes without pages, which follow one another behind the first page's data.

    Raises `TruncatedImage` where the file is too short for them.
    """
    if planes * first.width * first.height * first.samples > 8 * len(structure.data):
        raise cut()  # of any number of bits
    if prod(shape) != planes:
        axes, shape = "P", (planes,)
    return Stack(axes, shape, _same, contiguous=True)


def _shaped(structure: Structure, first: Directory) -> Stack | None:
    """tifffile's JSON description, where one array with named axes fills the file.

    Its writer takes three rows of values for red, green and blue if nobody says otherwise, so the
    axes count, and not the page's photometric interpretation.
    """
    meta = _shape_description(first)
    page = first.width * first.height * first.samples
    if meta is None or not page:
        return None
    shape, axes, channels = meta
    planes = prod(shape) // page
    products = accumulate(shape, mul, initial=1)
    leading = next((n for n, product in enumerate(products) if product == planes), None)
    if leading is None or planes < 1:
        return None
    names = _page_axes(axes[:leading])
    if planes == 1:
        stack: Stack | None = _plain(structure)
    elif len(structure) == 1:
        stack = _behind_first(structure, first, names, shape[:leading], planes)
    else:
        stack = _over_pages(names, shape[:leading], len(structure))
    apart = "C" in axes[leading:] and first.samples > 1
    if apart and len(channels) != first.samples:
        channels = ()
    return stack and replace(stack, channel_names=channels, samples_apart=apart)


def _page_axes(names: str) -> str:
    """Axes over pages: samples there are channels; what is not T, Z or C, or again, is a page."""
    renamed = ""
    for name in names.replace("S", "C"):
        renamed += name if name in "TZC" and name not in renamed else "P"
    return renamed


def _shape_description(
    first: Directory,
) -> tuple[tuple[int, ...], str, tuple[str, ...]] | None:
    """The lengths of the axes, their letters, and the names of the channels, if there are any."""
    text = first.description(_MOST_JSON)
    if not text.startswith(b"{") or b'"shape":' not in text:
        return None
    try:
        meta: Any = parse_json(text, nan=True)
        shape = meta["shape"]
        axes = str(meta.get("axes") or "Q" * len(shape)).upper()
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if not isinstance(shape, list) or len(axes) != len(shape) or not 1 <= len(shape) <= _MOST_AXES:
        return None
    if not all(type(size) is int and 1 <= size < _LONGEST for size in shape):
        return None
    return tuple(shape), axes, _names(meta)


def _names(meta: dict[str, Any]) -> tuple[str, ...]:
    """`Channel.Name`, as tifffile's writers know it; one name counts for none."""
    channel = meta.get("Channel")
    names = channel.get("Name") if isinstance(channel, dict) else None
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _plain(structure: Structure) -> Stack:
    """The pictures among the pages, one after another."""
    pictures = np.array(list(pictures_of(structure)) or [0], np.int64)
    return Stack("P", pictures.shape, pictures.take)


def _metamorph(structure: Structure, first: Directory) -> Stack | None:
    """MetaMorph's .stk keeps all planes behind one page; the count of a tag is their number."""
    planes = first.count(_STK_PLANES) if first.has(_STK) else 1
    return _behind_first(structure, first, "P", (planes,), planes) if planes > 1 else None
