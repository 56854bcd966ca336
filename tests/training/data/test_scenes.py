"""Training squares: boxes stay around what they were drawn around."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.data.scenes import Scene, Sizes, compose, placed, recolored, transformed

BOX = [40.0, 10, 70, 50]


def scene(width: int = 120, height: int = 90) -> Scene:
    """A white object of exactly the box on black."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[10:50, 40:70] = 255
    return Scene(pixels, np.array([BOX], np.float32), np.array([2]))


def extent(pixels: NDArray[np.uint8]) -> list[int]:
    """The box of what is bright."""
    rows, columns = (pixels[:, :, 0] > 127).nonzero()
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_an_enlarged_and_moved_object_by_hand() -> None:
    found = transformed(scene(), np.diag([2.0, 1.0]), np.array([-60.0, 5.0]), (100, 80))
    assert found.pixels.shape == (80, 100, 3)
    assert found.boxes.tolist() == [[20, 15, 80, 55]]
    assert extent(found.pixels) == [20, 15, 80, 55]


def test_a_quarter_turn_by_hand() -> None:
    turn = np.array([[0.0, -1], [1, 0]])  # clockwise on the screen: (x, y) -> (-y, x)
    found = transformed(scene(), turn, np.array([90.0, 0.0]), (90, 120))
    assert found.boxes.tolist() == [[40, 40, 80, 70]]
    np.testing.assert_array_equal(found.pixels, np.rot90(scene().pixels, -1))


@pytest.mark.parametrize(
    ("shift", "boxes"),
    [
        (-61.0, [[0, 10, 9, 50]]),  # 9 of 30 columns are visible: just enough
        (-61.1, []),
        (0.0, [[40, 10, 70, 50]]),
    ],
)
def test_a_cut_object_counts_while_enough_is_visible(
    shift: float, boxes: list[list[float]]
) -> None:
    found = transformed(scene(), np.eye(2), np.array([shift, 0.0]), (120, 90))
    assert found.boxes.tolist() == boxes
    assert len(found.classes) == len(boxes)


def test_a_sliver_of_a_small_object_does_not_count() -> None:
    found = transformed(scene(), np.diag([0.25, 0.25]), np.zeros(2), (120, 90))
    assert len(found.boxes) == 0  # 7.5 pixels wide


@pytest.mark.parametrize("seed", range(12))
def test_boxes_follow_pixels_under_chance(seed: int) -> None:
    sizes = Sizes(side=160, smallest=0.7, largest=1.4, mosaic=0.0)
    found = placed(scene(), (160, 160), np.random.default_rng(seed), sizes)
    assert found.classes.tolist() == [2]
    np.testing.assert_allclose(extent(found.pixels), found.boxes[0], atol=1.0)


def test_four_photographs_share_a_square() -> None:
    sizes = Sizes(side=200, smallest=0.9, largest=1.1, mosaic=1.0)
    found = compose(scene, sizes, np.random.default_rng(0))
    assert found.pixels.shape == (200, 200, 3)
    assert 1 < len(found.boxes) <= 4
    bright = found.pixels[:, :, 0] > 127
    for left, top, right, bottom in found.boxes.round().astype(int):
        assert bright[top + 1 : bottom - 1, left + 1 : right - 1].all()
        bright[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = False
    assert bright.sum() < 0.02 * bright.size  # slivers of objects that do not count


def test_chance_comes_from_the_generator_alone() -> None:
    sizes = Sizes(side=64, smallest=0.5, largest=1.5, mosaic=0.5)
    one, two = (compose(scene, sizes, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.pixels, two.pixels)
    np.testing.assert_array_equal(one.boxes, two.boxes)


def test_recoloured_pixels_stay_pixels() -> None:
    grey = np.repeat(np.linspace(0, 255, 48).astype(np.uint8)[None, :, None], 3, axis=2)
    for seed in range(8):
        found = recolored(np.repeat(grey, 40, axis=0), np.random.default_rng(seed))
        assert found.shape == (40, 48, 3)
        assert found.dtype == np.uint8
        assert (np.diff(found.astype(int), axis=1) >= 0).all()  # brighter stays brighter
        assert found.std(axis=2).max() < 20  # greys keep nearly no hue
