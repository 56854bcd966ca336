"""Regions of interest for ImageJ and Fiji: a zip for the ROI Manager.

A region of one polygon is a traced selection, whose whole-numbered points are corners of pixels
as in `contours`. One with holes or of several parts is a composite selection: a path of all rings,
filled by the even-odd rule, in single precision (exact below 2**24). So is one that the traced
form cannot hold: with a coordinate beyond 32,767, or more than 65,535 points. A box is a
rectangle, with fractions of pixels.

Of an object the format keeps the outline, the class's colour as the stroke, the name and the
plane; scores and measurements it has no place for.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from itertools import count

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

from brightfield.images.contours import ObjectOutline, Ring
from brightfield.images.objects import Box, Object, ObjectSource
from brightfield.palette import Color

_GREATEST_COORDINATE = 2**15 - 1
_MOST_POINTS = 2**16 - 1
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0
# What the name of a file may not hold, and what takes two units of UTF-16: roifile counts one.
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*\U00010000-\U0010ffff]')


def regions(
    objects: Iterable[Object],
    outlines: Mapping[int, ObjectOutline],
    source: ObjectSource,
    color: Callable[[int], Color],
) -> list[ImagejRoi]:
    """One region per object for `archive`: its outline where `outlines` has its id, else its box.

    A region is called `label-id`, with `-zPLANE` in a stack and `-tFRAME` in a series; its position
    is the plane in ImageJ, counted from 1.
    """
    return [_region(found, outlines.get(found.id), source, color) for found in objects]


def archive(regions: Iterable[ImagejRoi]) -> bytes:
    """The ROI Manager's zip. Every entry has a name of its own."""
    buffer = io.BytesIO()
    taken: set[str] = set()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for region in regions:
            region.name = _unique(region.name, taken)
            zipped.writestr(f"{region.name}.roi", region.tobytes())
    return buffer.getvalue()


def _unique(name: str, taken: set[str]) -> str:
    # Windows takes names that differ in case alone for the same file.
    candidates = (name if k == 1 else f"{name}-{k}" for k in count(1))
    chosen = next(candidate for candidate in candidates if candidate.casefold() not in taken)
    taken.add(chosen.casefold())
    return chosen


def _region(
    found: Object,
    outline: ObjectOutline | None,
    source: ObjectSource,
    color: Callable[[int], Color],
) -> ImagejRoi:
    if not outline:
        region = _rectangle(found.box)
    elif len(rings := [ring for polygon in outline for ring in polygon.rings]) == 1 and _fits(
        rings[0]
    ):
        region = _traced(rings[0])
    else:
        region = _composite(rings)
    depth, time = source.address.depth, source.address.t
    plane = "" if depth is None else f"-z{depth + 1}"
    frame = "" if time is None else f"-t{time + 1}"
    region.name = _UNSAFE.sub("_", f"{found.label}-{found.id}{plane}{frame}")
    for name, number in source.address.in_imagej().items():
        setattr(region, name, number)
    region.stroke_color = bytes((255, *color(found.class_id)))
    return region


def _fits(ring: Ring) -> bool:
    whole = ring.dtype.kind in "iu" and int(ring.min()) >= 0
    return whole and int(ring.max()) <= _GREATEST_COORDINATE and len(ring) <= _MOST_POINTS


def _bounded(kind: ROI_TYPE, points: NDArray[np.float64] | Ring) -> ImagejRoi:
    region = ImagejRoi()
    region.roitype = kind
    region.left, region.top = (int(edge) for edge in np.floor(points.min(axis=0)))
    region.right, region.bottom = (int(edge) for edge in np.ceil(points.max(axis=0)))
    return region


def _traced(ring: Ring) -> ImagejRoi:
    region = _bounded(ROI_TYPE.TRACED, ring)
    region.integer_coordinates = (ring - (region.left, region.top)).astype(np.int32)
    region.n_coordinates = len(ring)
    return region


def _composite(rings: list[Ring]) -> ImagejRoi:
    region = _bounded(ROI_TYPE.RECT, np.concatenate(rings))
    pieces = []
    for ring in rings:
        steps = np.full(len(ring), _LINE)
        steps[0] = _MOVE
        pieces += [np.column_stack([steps, ring]).reshape(-1), np.array([_CLOSE])]
    region.multi_coordinates = np.concatenate(pieces).astype(np.float32)
    region.shape_roi_size = region.multi_coordinates.size
    return region


def _rectangle(box: Box) -> ImagejRoi:
    region = _bounded(
        ROI_TYPE.RECT, np.array([(box.xmin, box.ymin), (box.xmax, box.ymax)], np.float64)
    )
    region.options = ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    region.xd, region.yd, region.widthd, region.heightd = box.xmin, box.ymin, box.width, box.height
    return region
