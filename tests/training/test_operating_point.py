"""The best threshold by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from brightfield.tasks.objects.suppression import Detections
from training.operating_point import Curve, best_f1_threshold, matched

CELL = [0.0, 0, 10, 10]
NEAR = [0.0, 0, 10, 9]
FAR = [50.0, 50, 60, 60]


def boxes(*corners: list[float]) -> NDArray[np.float32]:
    return np.array(corners, np.float32).reshape(-1, 4)


def test_an_object_is_found_once() -> None:
    assert matched(boxes(NEAR, CELL, FAR), boxes(CELL), 0.5).tolist() == [True, False, False]
    assert matched(boxes(NEAR), boxes(CELL), 0.9).tolist() == [True]
    assert matched(boxes(NEAR), boxes(CELL), 0.91).tolist() == [False]
    assert matched(boxes(CELL), boxes(), 0.5).tolist() == [False]


def test_f1() -> None:
    curve = Curve(np.array([0.9, 0.6, 0.3], np.float32), np.array([True, False, True]), 4)
    assert curve.f1(0.0) == pytest.approx(2 * 2 / (3 + 4))
    assert curve.f1(0.5) == pytest.approx(2 * 1 / (2 + 4))
    assert curve.f1(0.95) == 0


def test_cuts_between_hits_and_misses() -> None:
    corners = boxes(CELL, FAR, [80, 80, 90, 90])
    found = Detections(
        corners,
        np.array([0.8, 0.5, 0.305], np.float32),
        np.zeros(3, np.int64),
        np.arange(3),
    )
    threshold = best_f1_threshold([found], [corners[:2]], [np.zeros(2, np.int64)])
    assert threshold == pytest.approx(0.31)
