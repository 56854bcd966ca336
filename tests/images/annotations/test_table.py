"""The table's numbers are those of the objects, and its columns do not depend on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from brightfield.images.annotations.table import table
from brightfield.images.objects import Box, Object, ObjectSource, measure
from brightfield.images.plane_address import PlaneAddress

SOURCE = ObjectSource(3, 2, "ab" * 32, "cells@1")

LABELS = np.array([[1, 1, 0], [0, 2, 2]], np.int32)
PIXELS = np.array([[[1, 10], [3, 20], [0, 0]], [[0, 0], [7, 30], [7, 50]]], np.float32)


def test_rows_of_objects_with_masks() -> None:
    objects = measure(LABELS, PIXELS, 0.5).objects(["a"], [0, 0], [0.5, 0.25])
    address = PlaneAddress(z=1, t=0, channels=(4, 2), axes="TZCYX")
    found = table(objects, replace(SOURCE, pixel_size=0.5, address=address), channels=2)
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
        "t": 0,
        "channels": "4 2",
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
    empty = table([], SOURCE, channels=1)
    assert table(objects, SOURCE, channels=1).columns == empty.columns
    assert empty.columns[-1] == "mean_intensity"
    assert not any("um" in name for name in empty.columns)


def test_boxes() -> None:
    box = Object(1, "a", 0, Box(0.5, 1, 2, 3), 0.5)
    found = table([box], SOURCE)
    assert found.columns == ("id", "label", "class_id", "score", "xmin", "ymin", "xmax", "ymax")
    assert list(found.rows) == [[1, "a", 0, 0.5, 0.5, 1, 2, 3]]
    known = table([box], replace(SOURCE, pixel_size=0.1))
    assert known.columns[-4:] == ("center_x_um", "center_y_um", "width_um", "height_um")
    assert known.rows[0][-4:] == pytest.approx([0.125, 0.2, 0.15, 0.2])
