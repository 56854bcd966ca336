"""What is found in an image: boxes, objects with their pixels, objects through a stack.

Coordinates are pixels of the whole image; the origin is the outer corner of the top-left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from brightfield_client.results.value import Json, Value, at

Ring = npt.NDArray[np.int64]
"""(N, 2) x, y: corners of pixels, the first one not repeated at the end."""
Polygon = tuple[Ring, ...]
"""The exterior and the holes."""


class Point(NamedTuple):
    """x and y."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle by its edges; around the one pixel at (0, 0) it is 0, 0, 1, 1."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float

    @property
    def width(self) -> float:
        return self.xmax - self.xmin

    @property
    def height(self) -> float:
        return self.ymax - self.ymin


@dataclass(frozen=True)
class ObjectClass(Value):
    """A class that the model knows, with its colour (red, green, blue, 0 to 255)."""

    label: str
    class_id: int
    color: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Detection(Value):
    """An object by its box; `id` counts from 1, `uuid` is its id in GeoJSON."""

    id: int
    label: str
    class_id: int
    score: float | None
    box: Box
    uuid: str = at(repr=False)

    def row(self, pixel_size: float | None) -> dict[str, Any]:
        """The object in a table, as `format="csv"` has it."""
        facts = {name: getattr(self, name) for name in ("id", "label", "class_id", "score")}
        return {**facts, **self.box._asdict()}


@dataclass(frozen=True, kw_only=True)
class Segment(Detection):
    """An object by its pixels, which have the value `id` in the label image.

    `area_um2` is None where the pixel size is unknown. `centroid` is x, y. `mean_intensity` has
    one value per channel, in the image's own values; None where no pixel is finite. `rle` is the
    mask in COCO's run-length encoding. `polygons` are None where no outlines were asked for.
    """

    area_px: int
    area_um2: float | None = None
    centroid: Point
    mean_intensity: tuple[float | None, ...]
    rle: Json = at(repr=False)
    polygons: tuple[Polygon, ...] | None = at("outline", default=None, repr=False, compare=False)

    def row(self, pixel_size: float | None) -> dict[str, Any]:
        """Lengths and areas are in pixels, and in micrometres too where `pixel_size` is known."""
        x, y = self.centroid
        cells = super().row(pixel_size)
        cells |= {"area_px": self.area_px, "centroid_x_px": x, "centroid_y_px": y}
        if pixel_size is not None:
            cells |= {"area_um2": self.area_um2}
            cells |= {"centroid_x_um": x * pixel_size, "centroid_y_um": y * pixel_size}
        means = self.mean_intensity
        numbers = [""] if len(means) == 1 else [f"_{channel + 1}" for channel in range(len(means))]
        names = (f"mean_intensity{number}" for number in numbers)
        return cells | dict(zip(names, means, strict=True))


class SolidPoint(NamedTuple):
    """x, y and z."""

    x: float
    y: float
    z: float


@dataclass(frozen=True, kw_only=True)
class Solid(Value):
    """An object through the planes zmin to zmax - 1 of a stack.

    `box` are its edges in x and y, `centroid` is x, y, z; z is in planes from the first one's face.
    """

    id: int
    label: str
    class_id: int
    score: float | None
    box: Box
    zmin: int = at("box.zmin")
    zmax: int = at("box.zmax")
    voxels: int
    centroid: SolidPoint

    def row(self, pixel_size: float | None) -> dict[str, Any]:
        """The object in a table; its middle in micrometres too where `pixel_size` is known."""
        facts = {name: getattr(self, name) for name in ("id", "label", "class_id", "score")}
        edges = (*self.box[:2], self.zmin, *self.box[2:], self.zmax)
        names = ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax")
        x, y, z = self.centroid
        cells = {**facts, **dict(zip(names, edges, strict=True)), "voxels": self.voxels}
        cells |= {"centroid_x_px": x, "centroid_y_px": y, "centroid_z": z}
        if pixel_size is not None:
            cells |= {"centroid_x_um": x * pixel_size, "centroid_y_um": y * pixel_size}
        return cells
