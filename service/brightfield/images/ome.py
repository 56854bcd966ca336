"""OME-XML: the axes, plane order and pixel size of the images in an OME-TIFF file.

Source: the OME data model, https://docs.openmicroscopy.org/ome-model/. Only what lies in the
file at hand is used: planes that the XML places in other files are marked as absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import UndecodableImage
from brightfield.images.pixel_size import square
from brightfield.images.stack import ABSENT, Stack

_MOST_PLANES = 1 << 22


def ome_stacks(xml: str, pages: int) -> tuple[Stack, ...]:
    """The images that OME-XML describes, each as a stack of the file's pages.

    Malformed XML raises `ParseError`, a missing or wrong attribute or a declaration of entities
    `KeyError` or `ValueError`: the caller then treats the pages as plain ones.
    """
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise ValueError("OME-XML declares no entities; those here may expand without bound")
    root = ElementTree.fromstring(xml)
    own = root.get("UUID")
    images = _children(root, "Image")
    return tuple(_stack(p, own, pages) for image in images for p in _children(image, "Pixels"))


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if child.tag.rpartition("}")[2] == name)


def _stack(pixels: Element, own: str | None, pages: int) -> Stack:
    order = pixels.attrib["DimensionOrder"].upper()
    axes = order[:1:-1]
    if sorted(order) != sorted("XYZCT") or order[:2] != "XY":
        raise ValueError(order)
    samples = next((int(c.get("SamplesPerPixel", 1)) for c in _children(pixels, "Channel")), 1)
    shape = tuple(
        int(pixels.attrib[f"Size{axis}"]) // (max(samples, 1) if axis == "C" else 1)
        for axis in axes
    )
    if min(shape) < 1:
        raise ValueError(shape)
    if prod(shape) > _MOST_PLANES:
        raise UndecodableImage("The OME-XML describes more planes than any file has.")
    numbers = _page_numbers(pixels, axes, shape, own, pages)
    size, notes = square(
        *(
            (pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
            for axis in "XY"
        )
    )
    return Stack(axes, numbers, pixel_size=size, notes=notes)


def _page_numbers(
    pixels: Element, axes: str, shape: tuple[int, ...], own: str | None, pages: int
) -> NDArray[np.int64]:
    """The page that holds each plane: (leading axes) int64, `ABSENT` where this file has none."""
    numbers = np.full(prod(shape), ABSENT, dtype=np.int64)
    blocks = list(_children(pixels, "TiffData"))
    if not blocks:
        numbers[:pages] = np.arange(min(pages, len(numbers)))
    for block in blocks:
        first = [int(block.get(f"First{axis}", 0)) for axis in axes]
        if any(not 0 <= i < n for i, n in zip(first, shape, strict=True)):
            continue  # ImageJ leaves such blocks behind when it crops
        start = int(np.ravel_multi_index(first, shape))
        page = int(block.get("IFD", 0))
        count = int(block.get("PlaneCount", 1 if "IFD" in block.attrib else len(numbers)))
        count = max(0, min(count, len(numbers) - start, pages - page))
        if page >= 0 and _is_here(block, own):
            numbers[start : start + count] = np.arange(page, page + count)
    return numbers.reshape(shape)


def _is_here(block: Element, own: str | None) -> bool:
    """Whether the block's planes lie in the file at hand (without an id of its own, they do)."""
    return all(own is None or uuid.text in (None, own) for uuid in _children(block, "UUID"))
