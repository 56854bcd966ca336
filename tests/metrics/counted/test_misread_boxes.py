"""Boxes that were sent in another form."""

from __future__ import annotations

import numpy as np
import pytest

FAST = {"ci": {"method": "none"}}
RNG = np.random.default_rng(0)
BOXES = np.hstack([RNG.uniform(30, 500, (20, 2)), RNG.uniform(20, 60, (20, 2))])


def noted(evaluate, found):
    truth = {
        "images": [{"id": 1, "width": 640, "height": 640}],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": 1, "bbox": box}
            for i, box in enumerate(BOXES.tolist())
        ],
    }
    detections = [
        {"image_id": 1, "category_id": 1, "bbox": box, "score": 0.9} for box in found.tolist()
    ]
    report = evaluate("detection", {"ground_truth": truth, "detections": detections}, **FAST)
    return [each["detail"] for each in report["warnings"] if each["code"] == "boxes_misread"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("x1, y1, x2, y2", np.hstack([BOXES[:, :2], BOXES[:, :2] + BOXES[:, 2:]])),
        ("centre x, centre y", np.hstack([BOXES[:, :2] + BOXES[:, 2:] / 2, BOXES[:, 2:]])),
        ("y, x, height", BOXES[:, [1, 0, 3, 2]]),
    ],
)
def test_the_form_that_fits_is_named(name, written, evaluate):
    (detail,) = noted(evaluate, written)
    assert f"if the detected boxes were {name}" in detail


def test_right_boxes_and_bad_ones_are_not_noted(evaluate):
    assert noted(evaluate, BOXES) == []
    assert noted(evaluate, BOXES + np.array([300, 0, 0, 0])) == []
