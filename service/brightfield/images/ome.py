"""OME-XML: the axes, plane order and pixel size of the images in an OME-TIFF file.

Source: the OME data model, https://docs.openmicroscopy.org/ome-model/. Only what lies in the
file at hand is used: planes that the XML places in other files are marked as absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import UndecodableImage
from brightfield.images.ome_xml import ALL, OmeImage
from brightfield.images.stack import ABSENT, Pages, Stack
from brightfield.images.voxel_size import calibrated

# Planes of one image, and the length of an axis: far more than files have, and few enough for
# their products to be numbers of 64 bits.
_MOST_PLANES, _LONGEST = 1 << 62, 1 << 31


def ome_stack(image: OmeImage, pages: int) -> Stack:
    """The planes of an image in OME-XML on a file's pages.

    Raises `KeyError` or `ValueError` for attributes that are wrong. No memory is taken for planes
    that the XML claims.
    """
    pixels = image.pixels
    order = pixels["DimensionOrder"].upper()
    axes = order[:1:-1]
    if sorted(order) != sorted("XYZCT") or order[:2] != "XY":
        raise ValueError(order)
    shape = tuple(
        int(pixels[f"Size{axis}"]) // (max(image.samples or 1, 1) if axis == "C" else 1)
        for axis in axes
    )
    if not (min(shape) >= 1 and max(shape) < _LONGEST and prod(shape) <= _MOST_PLANES):
        raise ValueError(shape)
    sizes = [
        (pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        for axis in "XYZ"
    ]
    placed = _Placement.of(image, axes, shape, pages)
    return Stack(axes, shape, placed, calibration=calibrated(*sizes))


@dataclass(frozen=True)
class _Placement:
    """Runs of planes that lie on runs of pages; a later one counts where two overlap."""

    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    pages: NDArray[np.int64]

    @classmethod
    def of(cls, image: OmeImage, axes: str, shape: tuple[int, ...], pages: int) -> _Placement:
        """Without blocks the planes are the pages, in their order."""
        if not image.blocks:
            whole = np.array([min(pages, prod(shape))], np.int64)
            return cls(np.zeros(1, np.int64), whole, np.zeros(1, np.int64))
        table = np.array(image.blocks, np.int64).reshape(-1, 6)
        first = table[:, ["ZCT".index(axis) for axis in axes]]
        # ImageJ leaves blocks outside behind when it crops.
        inside = ((first >= 0) & (first < shape)).all(1) & (table[:, 5] > 0) & (table[:, 3] >= 0)
        first, page, count = first[inside], table[inside, 3], table[inside, 4]
        starts = np.ravel_multi_index(tuple(first.T), shape).astype(np.int64)
        count = np.where(count == ALL, prod(shape), count)
        count = np.minimum(np.minimum(count, prod(shape) - starts), pages - page)
        held = count > 0
        return cls(starts[held], count[held], page[held])

    def __call__(self, planes: NDArray[np.int64]) -> Pages:
        """The page of each plane, `ABSENT` where none holds it."""
        order = np.argsort(planes, kind="stable")
        ordered = planes[order]
        found = np.full(len(planes), ABSENT, np.int64)
        first = np.searchsorted(ordered, self.starts)
        last = np.searchsorted(ordered, self.starts + self.counts)
        met = np.flatnonzero(last > first)
        if (last - first).sum() > 64 * (len(planes) + len(self.starts)):
            raise UndecodableImage("The OME-XML of the TIFF places its planes again and again.")
        for run in met.tolist():
            part = slice(first[run], last[run])
            found[order[part]] = self.pages[run] + ordered[part] - self.starts[run]
        return found
