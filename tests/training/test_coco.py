"""Detections in COCO's format, and its numbers in a case that can be done by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from brightfield.tasks.objects.suppression import Detections
from training.coco import average_precision, rows


def truth(folder: Path) -> Path:
    content = {
        "images": [{"id": 1, "width": 100, "height": 100}],
        "categories": [{"id": 3, "name": "a"}, {"id": 5, "name": "b"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 3,
                "bbox": [0, 0, 10, 10],
                "area": 100,
                "iscrowd": 0,
            },
            {
                "id": 2,
                "image_id": 1,
                "category_id": 5,
                "bbox": [20, 20, 10, 10],
                "area": 100,
                "iscrowd": 0,
            },
            {
                "id": 3,
                "image_id": 1,
                "category_id": 5,
                "bbox": [60, 60, 10, 10],
                "area": 100,
                "iscrowd": 0,
            },
        ],
    }
    file = folder / "truth.json"
    file.write_text(json.dumps(content))
    return file


def test_average_precision_by_hand(tmp_path: Path) -> None:
    found = Detections(
        np.array([[0, 0, 10, 8], [20, 20, 30, 30]], np.float32),  # the first with IoU 0.8
        np.array([0.9, 0.8], np.float32),
        np.array([0, 1]),
        np.array([7, 9]),
    )
    results = rows(1, found, {0: 3, 1: 5})
    assert results[0]["bbox"] == [0, 0, 10, 8]
    assert results[1]["category_id"] == 5
    measured = average_precision(truth(tmp_path), results)
    half = 51 / 101  # recall 0.5 covers 51 of 101 recall points
    assert measured["ap50/a"] == pytest.approx(1)
    assert measured["ap/a"] == pytest.approx(0.7)  # IoU 0.5 to 0.8 of ten steps
    assert measured["ap50/b"] == pytest.approx(half)
    assert measured["ap50"] == pytest.approx((1 + half) / 2)
    assert measured["ap75"] == pytest.approx((1 + half) / 2)
    assert measured["ap"] == pytest.approx((0.7 + half) / 2)
