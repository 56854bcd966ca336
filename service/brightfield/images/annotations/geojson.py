"""GeoJSON as QuPath reads it.

QuPath takes a FeatureCollection whose features carry an `id` that is a UUID, and `properties` with
`objectType`, `classification` (name and colour; one without a colour it refuses), `name` and
`measurements` (name to number, never null). A geometry's foreign member `plane` says which plane
of a stack it lies in (QuPath 0.4 and later, classes PathObjectTypeAdapter and ROITypeAdapters).
Coordinates are pixels of the full-resolution image with y downward, not degrees.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.images.contours import ObjectOutline, Polygon, Ring
from brightfield.images.objects import Box, Object, ObjectSource
from brightfield.palette import Color

ObjectType = Literal["annotation", "detection"]

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_OID, "brightfield.object")


@dataclass(frozen=True, slots=True)
class FieldPlacement:
    """Where an image lies in a larger one: x' = x * downsample + offset, and so for y.

    The way of QuPath's exported tiles: `downsample` pixels of the slide to one of the tile, and
    the tile's corner `offset` (x, y) in pixels of the slide.
    """

    offset: tuple[float, float] = (0.0, 0.0)
    downsample: float = 1.0

    def coordinates(self, ring: Ring) -> list[list[float]]:
        """The ring's points in the larger image, the first again at the end; whole where it can."""
        points: NDArray[Any] = ring
        if self != FieldPlacement() or ring.dtype.kind == "f":
            points = ring * self.downsample + np.array(self.offset)
            if np.array_equal(points, np.rint(points)):
                points = points.astype(np.int64)
        closed: list[list[float]] = points.tolist()
        return [*closed, closed[0]]


def features(
    objects: Iterable[Object],
    outlines: Mapping[int, ObjectOutline],
    source: ObjectSource,
    color: Callable[[int], Color],
    *,
    object_type: ObjectType = "detection",
    placement: FieldPlacement | None = None,
) -> list[dict[str, Any]]:
    """One feature per object: its outline where `outlines` has its id, else its box.

    `color` gives a class its colour. A feature's id is a UUID computed from the image's SHA-256,
    the model and the object's number, class, plane and box, so the same answer has the same ids
    and QuPath can tell that it has an object already. Measurements are the score, the area in
    pixels of the larger image and in square micrometres, and the mean of each channel, as far as
    they are known.
    """
    placed = placement or FieldPlacement()
    return [
        {
            "type": "Feature",
            "id": feature_id(found, source),
            "geometry": _geometry(
                outlines.get(found.id) or (_rectangle(found.box),), found, placed
            ),
            "properties": {
                "objectType": object_type,
                "name": str(found.id),
                "classification": {"name": found.label, "color": list(color(found.class_id))},
                "measurements": _measurements(found, placed.downsample),
            },
        }
        for found in objects
    ]


def feature_collection(features: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The document; features of several planes are put one after another."""
    return {"type": "FeatureCollection", "features": list(features)}


def feature_id(found: Object, source: ObjectSource) -> str:
    """The UUID (version 5) of an object in an answer."""
    box = ",".join(repr(float(edge)) for edge in found.box.json().values())
    name = f"{source.sha256}/{source.model}/{found.z}/{found.id}/{found.class_id}/{box}"
    return str(uuid.uuid5(_NAMESPACE, name))


def _geometry(outline: ObjectOutline, found: Object, placement: FieldPlacement) -> dict[str, Any]:
    polygons = [[placement.coordinates(ring) for ring in polygon.rings] for polygon in outline]
    geometry: dict[str, Any] = (
        {"type": "Polygon", "coordinates": polygons[0]}
        if len(polygons) == 1
        else {"type": "MultiPolygon", "coordinates": polygons}
    )
    if found.z is not None:
        geometry["plane"] = {"c": -1, "z": found.z, "t": 0}
    return geometry


def _rectangle(box: Box) -> Polygon:
    corners = [
        (box.xmin, box.ymin),
        (box.xmax, box.ymin),
        (box.xmax, box.ymax),
        (box.xmin, box.ymax),
    ]
    return Polygon(np.array(corners, np.float64))


def _measurements(found: Object, downsample: float) -> dict[str, float]:
    values: dict[str, float | None] = {"Score": found.score}
    if (measures := found.measures) is not None:
        values["Area px^2"] = measures.area_px * downsample**2
        values["Area µm^2"] = measures.area_um2
        for channel, mean in enumerate(measures.mean_intensity, 1):
            values[f"Mean channel {channel}"] = mean
    return {name: value for name, value in values.items() if value is not None}
