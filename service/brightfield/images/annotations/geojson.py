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
from typing import Any, Literal

import numpy as np

from brightfield.images.contours import ObjectOutline, Polygon, Ring
from brightfield.images.objects import Box, Object, ObjectSource
from brightfield.palette import Color

ObjectType = Literal["annotation", "detection"]

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_OID, "brightfield.object")


def features(
    objects: Iterable[Object],
    outlines: Mapping[int, ObjectOutline],
    source: ObjectSource,
    color: Callable[[int], Color],
    *,
    object_type: ObjectType = "detection",
) -> list[dict[str, Any]]:
    """One feature per object: its outline where `outlines` has its id, else its box.

    `color` gives a class its colour. A feature's id is a UUID computed from the image's SHA-256,
    its plane and channels, the model and the object's number, class and box, so the same answer
    has the same ids and QuPath can tell that it has an object already. Measurements are the score,
    the area in pixels and in square micrometres (of a box its sides in micrometres), and the mean
    of each channel under its number in the file, as far as they are known.
    """
    return [
        {
            "type": "Feature",
            "id": feature_id(found, source),
            "geometry": _geometry(outlines.get(found.id) or (_rectangle(found.box),), source),
            "properties": {
                "objectType": object_type,
                "name": str(found.id),
                "classification": {"name": found.label, "color": list(color(found.class_id))},
                "measurements": _measurements(found, source),
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
    name = f"{source.sha256}/{source.model}/None/{found.id}/{found.class_id}/{box}"
    # At the end, so objects of files with one plane keep the ids that they have always had.
    plane = "".join(f"/{part}={value}" for part, value in source.address.known.items())
    return str(uuid.uuid5(_NAMESPACE, name + plane))


def _geometry(outline: ObjectOutline, source: ObjectSource) -> dict[str, Any]:
    polygons = [[_closed(ring) for ring in polygon.rings] for polygon in outline]
    geometry: dict[str, Any] = (
        {"type": "Polygon", "coordinates": polygons[0]}
        if len(polygons) == 1
        else {"type": "MultiPolygon", "coordinates": polygons}
    )
    depth, time = source.address.depth, source.address.t
    if depth is not None or time is not None:
        geometry["plane"] = {"c": -1, "z": depth or 0, "t": time or 0}
    return geometry


def _closed(ring: Ring) -> list[list[float]]:
    """The ring's points, the first again at the end; whole where they can be."""
    whole = np.rint(ring)
    points: list[list[float]] = (
        whole.astype(np.int64) if np.array_equal(whole, ring) else ring
    ).tolist()
    return [*points, points[0]]


def _rectangle(box: Box) -> Polygon:
    corners = [
        (box.xmin, box.ymin),
        (box.xmax, box.ymin),
        (box.xmax, box.ymax),
        (box.xmin, box.ymax),
    ]
    return Polygon(np.array(corners, np.float64))


def _measurements(found: Object, source: ObjectSource) -> dict[str, float]:
    values: dict[str, float | None] = {"Score": found.score}
    if (measures := found.measures) is not None:
        values["Area px^2"] = measures.area_px
        values["Area µm^2"] = measures.area_um2
        for place, mean in enumerate(measures.mean_intensity):
            values[f"Mean channel {source.address.channel_number(place)}"] = mean
    elif (size := source.pixel_size) is not None:
        values |= {"Width µm": found.box.width * size, "Height µm": found.box.height * size}
    return {name: value for name, value in values.items() if value is not None}
