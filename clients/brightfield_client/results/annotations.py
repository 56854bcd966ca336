"""Found objects in the forms of other tools: GeoJSON for QuPath, COCO, rows of a table.

They are the service's own forms, put together here from what its JSON says, so that a stored
answer has them too. Outlines, masks and ids are the service's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from brightfield_client.results.found import Box, Detection, ObjectClass, Segment
from brightfield_client.results.result import Json


@dataclass(frozen=True)
class Placement:
    """Where an image lies in a larger one: x' = x * downsample + offset, and so for y."""

    offset: tuple[float, float] = (0.0, 0.0)
    downsample: float = 1.0

    def ring(self, points: npt.NDArray[Any]) -> list[list[float]]:
        """The points in the larger image, the first again at the end; whole where it can be."""
        if self != Placement():
            points = points * self.downsample + np.array(self.offset)
        whole = np.rint(points)
        placed: list[list[float]] = (
            whole.astype(np.int64) if np.array_equal(points, whole) else points
        ).tolist()
        return [*placed, placed[0]]


def feature_collection(
    objects: Iterable[Detection], classes: Sequence[ObjectClass], placement: Placement
) -> dict[str, Any]:
    """GeoJSON that QuPath opens: a detection with class, colour and measurements per object."""
    features = [
        {
            "type": "Feature",
            "id": found.uuid,
            "geometry": _geometry(found, placement),
            "properties": {
                "objectType": "detection",
                "name": str(found.id),
                "classification": {
                    "name": found.label,
                    "color": list(classes[found.class_id].color),
                },
                "measurements": _measurements(found, placement.downsample),
            },
        }
        for found in objects
    ]
    return {"type": "FeatureCollection", "features": features}


def _geometry(found: Detection, placement: Placement) -> dict[str, Any]:
    if not isinstance(found, Segment):
        polygons = [[placement.ring(np.array(_corners(found.box)))]]
    elif found.polygons is None:
        raise ValueError("This answer has no outlines; ask with outlines=True.")
    else:
        polygons = [[placement.ring(ring) for ring in polygon] for polygon in found.polygons]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _corners(box: Box) -> list[tuple[float, float]]:
    return [
        (box.xmin, box.ymin),
        (box.xmax, box.ymin),
        (box.xmax, box.ymax),
        (box.xmin, box.ymax),
    ]


def _measurements(found: Detection, downsample: float) -> dict[str, float]:
    values: dict[str, float | None] = {"Score": found.score}
    if isinstance(found, Segment):
        values["Area px^2"] = found.area_px * downsample**2
        values["Area µm^2"] = found.area_um2
        for channel, mean in enumerate(found.mean_intensity, 1):
            values[f"Mean channel {channel}"] = mean
    return {name: value for name, value in values.items() if value is not None}


def coco(
    objects: Iterable[Detection], classes: Sequence[ObjectClass], image: Json
) -> dict[str, Any]:
    """A COCO data set of one image; `file_name` is the image's SHA-256, `category_id` the class
    id + 1."""
    picture = {
        "id": 1,
        "width": image["width"],
        "height": image["height"],
        "file_name": image["sha256"],
    }
    categories = [
        {"id": known.class_id + 1, "name": known.label, "supercategory": ""} for known in classes
    ]
    annotations = [
        {"id": number, "image_id": 1, **_annotation(found)}
        for number, found in enumerate(objects, 1)
    ]
    return {"images": [picture], "annotations": annotations, "categories": categories}


def _annotation(found: Detection) -> dict[str, Any]:
    box = found.box
    if isinstance(found, Segment):
        pixels: dict[str, Any] = {"segmentation": dict(found.rle), "area": found.area_px}
    else:
        corners = [float(edge) for corner in _corners(box) for edge in corner]
        pixels = {"segmentation": [corners], "area": box.width * box.height}
    content: dict[str, Any] = {
        "category_id": found.class_id + 1,
        "bbox": [box.xmin, box.ymin, box.width, box.height],
        "iscrowd": 0,
        **pixels,
    }
    return content if found.score is None else {**content, "score": found.score}


def table(
    objects: Sequence[Detection], pixel_size: float | None, *, channels: int | None = None
) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: id, class, score, box and, of objects with pixels, what is measured.

    Lengths and areas are in pixels, and in micrometres too where `pixel_size` is known. Without
    any object the columns are those of objects with pixels in an image of so many `channels`;
    None: of boxes.
    """
    cells = [_cells(found, pixel_size) for found in objects]
    columns = list(cells[0] if cells else _cells(_no_object(channels), pixel_size))
    return columns, [list(row.values()) for row in cells]


def _no_object(channels: int | None) -> Detection:
    """An object that stands for its columns alone."""
    facts: dict[str, Any] = {"id": 0, "label": "", "class_id": 0, "score": None, "uuid": ""}
    facts["box"] = Box(0.0, 0.0, 0.0, 0.0)
    if channels is None:
        return Detection(**facts)
    means = (None,) * channels
    measured: dict[str, Any] = {"area_px": 0, "area_um2": None, "mean_intensity": means}
    return Segment(**facts, **measured, centroid=(0.0, 0.0), rle={}, polygons=None)


def _cells(found: Detection, pixel_size: float | None) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "id": found.id,
        "label": found.label,
        "class_id": found.class_id,
        "score": found.score,
        **found.box._asdict(),
    }
    if not isinstance(found, Segment):
        return cells
    x, y = found.centroid
    cells |= {"area_px": found.area_px, "centroid_x_px": x, "centroid_y_px": y}
    if pixel_size is not None:
        cells |= {"area_um2": found.area_um2}
        cells |= {"centroid_x_um": x * pixel_size, "centroid_y_um": y * pixel_size}
    means = found.mean_intensity
    numbers = [""] if len(means) == 1 else [f"_{channel}" for channel in range(1, len(means) + 1)]
    names = (f"mean_intensity{number}" for number in numbers)
    return cells | dict(zip(names, means, strict=True))
