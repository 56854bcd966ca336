"""What is found in an image: boxes, objects with their pixels, objects through a stack.

Coordinates are pixels of the whole image; the origin is the outer corner of the top-left pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

Json = Mapping[str, Any]

Ring = npt.NDArray[np.int64]
"""(N, 2) x, y: corners of pixels, the first one not repeated at the end."""
Polygon = tuple[Ring, ...]
"""The exterior and the holes."""


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
class ObjectClass:
    """A class that the model knows, with its colour (red, green, blue, 0 to 255)."""

    label: str
    class_id: int
    color: tuple[int, int, int]

    @classmethod
    def from_json(cls, value: Json) -> Self:
        red, green, blue = value["color"]
        return cls(str(value["label"]), int(value["class_id"]), (red, green, blue))


@dataclass(frozen=True, kw_only=True)
class Detection:
    """An object by its box; `id` counts from 1, `uuid` is its id in GeoJSON."""

    id: int
    label: str
    class_id: int
    score: float | None
    box: Box
    uuid: str = field(repr=False)

    @classmethod
    def from_json(cls, value: Json) -> Self:
        return cls(**cls._fields(value))

    @classmethod
    def _fields(cls, value: Json) -> dict[str, Any]:
        return {
            "id": int(value["id"]),
            "label": str(value["label"]),
            "class_id": int(value["class_id"]),
            "score": value["score"],
            "box": Box(*(float(value["box"][edge]) for edge in Box._fields)),
            "uuid": str(value["uuid"]),
        }


@dataclass(frozen=True, kw_only=True)
class Segment(Detection):
    """An object by its pixels, which have the value `id` in the label image.

    `area_um2` is None where the pixel size is unknown. `centroid` is x, y. `mean_intensity` has
    one value per channel, in the image's own values; None where no pixel is finite. `rle` is the
    mask in COCO's run-length encoding. `polygons` are None where no outlines were asked for.
    """

    area_px: int
    area_um2: float | None
    centroid: tuple[float, float]
    mean_intensity: tuple[float | None, ...]
    rle: Json = field(repr=False)
    polygons: tuple[Polygon, ...] | None = field(repr=False, compare=False)

    @classmethod
    def _fields(cls, value: Json) -> dict[str, Any]:
        outline = value.get("outline")
        return super()._fields(value) | {
            "area_px": int(value["area_px"]),
            "area_um2": value.get("area_um2"),
            "centroid": (float(value["centroid"]["x"]), float(value["centroid"]["y"])),
            "mean_intensity": tuple(value["mean_intensity"]),
            "rle": value["rle"],
            "polygons": None if outline is None else tuple(map(_polygon, outline)),
        }


@dataclass(frozen=True, kw_only=True)
class Solid:
    """An object through the planes zmin to zmax - 1 of a stack.

    `box` are its edges in x and y, `centroid` is x, y, z; z is in planes from the first one's face.
    """

    id: int
    label: str
    class_id: int
    score: float | None
    box: Box
    zmin: int
    zmax: int
    voxels: int
    centroid: tuple[float, float, float]

    @classmethod
    def from_json(cls, value: Json) -> Self:
        box, centre = value["box"], value["centroid"]
        return cls(
            id=int(value["id"]),
            label=str(value["label"]),
            class_id=int(value["class_id"]),
            score=value["score"],
            box=Box(*(float(box[edge]) for edge in Box._fields)),
            zmin=int(box["zmin"]),
            zmax=int(box["zmax"]),
            voxels=int(value["voxels"]),
            centroid=(float(centre["x"]), float(centre["y"]), float(centre["z"])),
        )


def _polygon(rings: Any) -> Polygon:
    return tuple(np.array(ring, np.int64) for ring in rings)
