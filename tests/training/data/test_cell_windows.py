"""Windows on smears: what is in their middle, and where there is plasma."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brightfield.images.picture import Region
from training.data.bccd import Smear
from training.data.cell_windows import (
    BACKGROUND,
    Field,
    around_cell,
    cut,
    drawn,
    ellipses,
    label_at,
    middle,
    plasma,
    square,
)

BOXES = np.array([[20, 20, 100, 60], [80, 30, 120, 70], [150, 10, 180, 40]], np.float32)
CLASSES = np.array([0, 1, 2])


@pytest.fixture(scope="module")
def field() -> Field:
    """Dark boxes, and an unmarked dark cell, on bright plasma."""
    pixels = np.full((200, 240, 3), 220, np.uint8)
    for left, top, right, bottom in [*BOXES.astype(int), (30, 120, 90, 180)]:
        pixels[top:bottom, left:right] = 90
    pixels[135:165, 45:75] = 220  # its pale middle
    smear = Smear(1, Path("none"), BOXES, CLASSES)
    return Field(smear, pixels, plasma(pixels, BOXES))


def test_the_ellipse_in_a_box() -> None:
    at = ellipses(BOXES[:1], 60, 40)
    assert at.tolist() == [0]
    assert ellipses(BOXES[:1], 100, 40).tolist() == [1]
    assert ellipses(BOXES[:1], 60, 60).tolist() == [1]
    assert ellipses(BOXES[:1], 100, 60) == pytest.approx([np.sqrt(2)])


@pytest.mark.parametrize(
    ("x", "y", "label"),
    [
        (60, 40, 0),
        (92, 45, 1),  # in both ellipses, nearer to the second's middle
        (165, 25, 2),
        (21, 21, None),  # the corner of a box
        (40, 150, None),  # an unmarked cell
        (60, 150, None),  # its pale middle
        (200, 150, BACKGROUND),
        (240, 200, BACKGROUND),
        (124, 75, None),  # plasma, but near a cell
    ],
)
def test_what_lies_at_a_point(field: Field, x: float, y: float, label: int | None) -> None:
    assert label_at(field, x, y) == label


@pytest.mark.parametrize(
    ("x", "y", "side", "window"),
    [
        (50, 60, 20, (40, 50, 20, 20)),
        (5, 195, 20, (0, 180, 20, 20)),
        (120, 100, 500, (20, 0, 200, 200)),
    ],
)
def test_squares_lie_within_the_image(
    x: float, y: float, side: float, window: tuple[int, int, int, int]
) -> None:
    assert square(x, y, side, 240, 200) == Region(*window)


def test_a_window_around_a_cell(field: Field) -> None:
    assert around_cell(field, 1) == Region(76, 26, 48, 48)
    assert cut(field, around_cell(field, 1)).shape == (48, 48, 3)


@pytest.mark.parametrize("label", range(BACKGROUND + 1))
def test_a_drawn_window_has_its_label_in_the_middle(field: Field, label: int) -> None:
    random = np.random.default_rng(label)
    windows = [drawn(field, label, random) for _ in range(40)]
    found = [window for window in windows if window is not None]
    assert len(found) > 10
    assert {label_at(field, *middle(window)) for window in found} == {label}
    assert len({window.width for window in found}) > 5
    assert all(48 <= window.width <= 200 for window in found)


def test_none_where_there_is_none(field: Field) -> None:
    empty = Smear(1, Path("none"), BOXES[:0], CLASSES[:0])
    nowhere = Field(empty, field.pixels, np.zeros_like(field.plasma))
    random = np.random.default_rng(0)
    assert [drawn(nowhere, label, random) for label in range(4)] == [None] * 4
