"""The objects of an image as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from brightfield.images.objects import Measures, Object, ObjectSource
from brightfield.results import ResultTable


def table(
    objects: Iterable[Object], source: ObjectSource, *, channels: int | None = None
) -> ResultTable:
    """One row per object: id, label, class, score, box and, of objects with a mask, the measures.

    `channels` is the image's number of channels, None for objects without masks. The plane of the
    file is told in columns of their own, as far as one was chosen: `page`, `z`, `t` (from 0) and
    `channels`. Lengths and areas are in pixels, and in micrometres too where the source's pixel
    size is known: of a mask its area and centroid, of a box its centre and sides. The columns
    depend on the source's plane, on whether its pixel size is known and on `channels` alone, so
    the tables of many images can be put one below the other. What is not known is None.
    """
    size = source.pixel_size
    plane = {name: _text(part) for name, part in source.address.known.items()}
    columns = ["id", "label", "class_id", "score", "xmin", "ymin", "xmax", "ymax", *plane]
    if channels is not None:
        columns += ["area_px", "centroid_x_px", "centroid_y_px"]
        columns += [] if size is None else ["area_um2", "centroid_x_um", "centroid_y_um"]
        columns += [f"mean_intensity{number}" for number in _numbers(channels)]
    elif size is not None:
        columns += ["center_x_um", "center_y_um", "width_um", "height_um"]
    cells = ({**row, **plane} for row in _cells(objects, size))
    return ResultTable(tuple(columns), [[row.get(name) for name in columns] for row in cells])


def _text(part: Any) -> Any:
    """A number, or several as one cell."""
    return " ".join(map(str, part)) if isinstance(part, tuple) else part


def _numbers(channels: int) -> list[str]:
    return [""] if channels == 1 else [f"_{channel + 1}" for channel in range(channels)]


def _cells(objects: Iterable[Object], size: float | None) -> Iterator[dict[str, Any]]:
    """Every object's values by the names of columns."""
    for found in objects:
        known = {
            "id": found.id,
            "label": found.label,
            "class_id": found.class_id,
            "score": found.score,
            **found.box.json(),
        }
        if found.measures is not None:
            yield {**known, **_measured(found.measures, size)}
        else:
            yield known if size is None else {**known, **_box_um(found, size)}


def _measured(measures: Measures, size: float | None) -> dict[str, Any]:
    x, y = measures.centroid
    cells: dict[str, Any] = {"area_px": measures.area_px, "area_um2": measures.area_um2}
    cells |= {"centroid_x_px": x, "centroid_y_px": y}
    if size is not None:
        cells |= {"centroid_x_um": x * size, "centroid_y_um": y * size}
    means = measures.mean_intensity
    return cells | {
        f"mean_intensity{number}": mean
        for number, mean in zip(_numbers(len(means)), means, strict=True)
    }


def _box_um(found: Object, size: float) -> dict[str, float]:
    box = found.box
    return {
        "center_x_um": (box.xmin + box.xmax) / 2 * size,
        "center_y_um": (box.ymin + box.ymax) / 2 * size,
        "width_um": box.width * size,
        "height_um": box.height * size,
    }
