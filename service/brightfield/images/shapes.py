"""A part of an image by its outline: a rectangle or a polygon in image pixels."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from brightfield.errors import InvalidParameter
from brightfield.geometry import Geometry
from brightfield.parameters import NUMBER, parsed_json, written

PolygonCorners = list[tuple[float, float]]
"""Corners (x, y) in image pixels, at least three."""

_CORNER = rf"{NUMBER},{NUMBER}"

ShapeParameter = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^({_CORNER},{_CORNER}|{_CORNER}(;{_CORNER}){{2,}})$",
            "examples": ["40,30,64,64", "10,10;90,10;50,80"],
            "x-python-type": "str | Sequence[float] | Sequence[Sequence[float]]",
        }
    ),
]
"""`x,y,width,height`, or the corners `x,y;x,y;x,y` of a polygon, in image pixels."""

# The most shapes that one parameter lists.
_MOST_SHAPES = 64

# Beyond every image, and near enough for exact arithmetic with halves of pixels.
_FARTHEST = 1e9


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return parsed_json(value) if value[:1] == "[" else value.split("|")
    return value


def _well_formed(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        parse_shape(text, "shapes")
    return value


Shapes = Annotated[
    tuple[ShapeParameter, ...],
    BeforeValidator(_listed),
    AfterValidator(_well_formed),
    Field(min_length=1, max_length=_MOST_SHAPES),
    written(
        "str",
        {"examples": ["40,30,64,64|10,10;90,10;50,80"]},
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": _MOST_SHAPES},
    ),
]
"""Several shapes, as text with | between them."""


def parse_shape(text: str, name: str) -> PolygonCorners:
    """`x,y,width,height`, or `x,y;x,y;x,y` of three corners or more; `name` is the parameter's.

    Raises `InvalidParameter`.
    """
    try:
        points = [tuple(float(part) for part in pair.split(",")) for pair in text.split(";")]
    except ValueError:
        points = []
    if not all(abs(value) <= _FARTHEST for point in points for value in point):
        points = []
    if len(points) == 1 and len(points[0]) == 4:
        x, y, width, height = points[0]
        if width > 0 and height > 0:
            return corners(x, y, width, height)
    if len(points) >= 3 and all(len(point) == 2 for point in points):
        return [(point[0], point[1]) for point in points]
    raise InvalidParameter(
        f"{name}={text!r} is neither a rectangle x,y,width,height of positive size "
        "nor a polygon x,y;x,y;x,y of three corners or more."
    )


def corners(x: float, y: float, width: float, height: float) -> PolygonCorners:
    """A rectangle by its corners."""
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def covered(shape: PolygonCorners, geometry: Geometry) -> NDArray[np.bool_]:
    """(h, w) on the input grid: the pixels of the image whose centre lies in the shape.

    Where the outline crosses itself the even-odd rule holds. Padding is never covered.
    """
    return _inside(shape, geometry) & _inside(corners(*geometry.region_in_image), geometry)


def _inside(shape: PolygonCorners, geometry: Geometry) -> NDArray[np.bool_]:
    """The pixels whose centre has an odd number of the outline's edges to its left.

    An edge flips everything right of where it crosses a row of centres.
    """
    height, width = geometry.input_size
    flips = np.zeros((height, width + 1), np.bool_)
    points = [geometry.point_to_input(x, y) for x, y in shape]
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        low, high = (np.clip(math.ceil(y - 0.5), 0, height) for y in sorted((y0, y1)))
        rows = np.arange(low, high)
        crossings = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0 or 1.0)
        flips[rows, np.clip(np.ceil(crossings - 0.5), 0, width).astype(np.int64)] ^= True
    inside: NDArray[np.bool_] = np.logical_xor.accumulate(flips[:, :width], axis=1)
    return inside
