"""The objects of an image as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from brightfield.images.objects import Object
from brightfield.results import ResultTable


def table(
    objects: Iterable[Object],
    *,
    pixel_size: float | None = None,
    channels: int | None = None,
    stack: bool = False,
) -> ResultTable:
    """One row per object: id, label, class, score, box and, of objects with a mask, the measures.

    `channels` is the image's number of channels, None for objects without masks. Lengths and areas
    are in pixels, and in micrometres too where `pixel_size` is given; with `stack` the plane is
    told, from 0. The columns depend on these three alone, so the tables of many images can be put
    one below the other. What is not known is None.
    """
    columns = ["id", "label", "class_id", "score", "xmin", "ymin", "xmax", "ymax"]
    if stack:
        columns.append("z")
    if channels is not None:
        columns += ["area_px", "centroid_x_px", "centroid_y_px"]
        if pixel_size is not None:
            columns += ["area_um2", "centroid_x_um", "centroid_y_um"]
        numbers = [""] if channels == 1 else [f"_{channel + 1}" for channel in range(channels)]
        columns += [f"mean_intensity{number}" for number in numbers]
    rows = [[cells.get(name) for name in columns] for cells in _cells(objects, pixel_size)]
    return ResultTable(tuple(columns), rows)


def _cells(objects: Iterable[Object], pixel_size: float | None) -> Iterable[dict[str, Any]]:
    """Every object's values by the names of columns."""
    for found in objects:
        cells: dict[str, Any] = {
            "id": found.id,
            "label": found.label,
            "class_id": found.class_id,
            "score": found.score,
            "z": found.z,
            **found.box.json(),
        }
        if (measures := found.measures) is not None:
            x, y = measures.centroid
            cells |= {"area_px": measures.area_px, "area_um2": measures.area_um2}
            cells |= {"centroid_x_px": x, "centroid_y_px": y}
            if pixel_size is not None:
                cells |= {"centroid_x_um": x * pixel_size, "centroid_y_um": y * pixel_size}
            means = measures.mean_intensity
            numbers = [""] if len(means) == 1 else [f"_{k}" for k in range(1, len(means) + 1)]
            cells |= {f"mean_intensity{n}": mean for n, mean in zip(numbers, means, strict=True)}
        yield cells
