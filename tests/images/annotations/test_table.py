"""The table's numbers are those of the objects, and its columns do not depend on them."""

from __future__ import annotations

import numpy as np

from brightfield.images.annotations.table import table
from brightfield.images.objects import Box, Object, measure

LABELS = np.array([[1, 1, 0], [0, 2, 2]], np.int32)
PIXELS = np.array([[[1, 10], [3, 20], [0, 0]], [[0, 0], [7, 30], [7, 50]]], np.float32)


def test_rows_of_objects_with_masks() -> None:
    objects = measure(LABELS, PIXELS, 0.5).objects(["a"], [0, 0], [0.5, 0.25], z=1)
    found = table(objects, pixel_size=0.5, channels=2, stack=True)
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    assert rows[1] == {
        "id": 2,
        "label": "a",
        "class_id": 0,
        "score": 0.25,
        "xmin": 1.0,
        "ymin": 1.0,
        "xmax": 3.0,
        "ymax": 2.0,
        "z": 1,
        "area_px": 2,
        "centroid_x_px": 2.0,
        "centroid_y_px": 1.5,
        "area_um2": 0.5,
        "centroid_x_um": 1.0,
        "centroid_y_um": 0.75,
        "mean_intensity_1": 7.0,
        "mean_intensity_2": 40.0,
    }


def test_columns_are_the_same_with_and_without_objects() -> None:
    objects = measure(LABELS, PIXELS[..., :1]).objects(["a"], [0, 0])
    assert table(objects, channels=1).columns == table([], channels=1).columns
    assert table([], channels=1).columns[-1] == "mean_intensity"
    assert not any("um" in name for name in table([], channels=1).columns)


def test_boxes() -> None:
    found = table([Object(1, "a", 0, Box(0.5, 1, 2, 3), 0.5)])
    assert found.columns == ("id", "label", "class_id", "score", "xmin", "ymin", "xmax", "ymax")
    assert list(found.rows) == [[1, "a", 0, 0.5, 0.5, 1, 2, 3]]
