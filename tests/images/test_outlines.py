"""Drawings: the right pixels have the right colour, and the rest stay as they were."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.segmentation import find_boundaries

from brightfield.images.objects import Box
from brightfield.images.outlines import draw_boxes, draw_objects, line_width, paint_objects

RNG = np.random.default_rng(0)
RED, GREEN = (255, 0, 0), (0, 200, 0)


@pytest.fixture
def labels() -> np.ndarray:
    labels = np.zeros((40, 50), np.int32)
    labels[5:20, 5:20] = 1
    labels[5:20, 20:35] = 2
    labels[30, 30] = 3
    return labels


def test_outlines_lie_on_the_inner_boundary(labels: np.ndarray) -> None:
    base = RNG.integers(0, 255, (40, 50, 3)).astype(np.uint8)
    drawn = draw_objects(base, labels, {1: RED, 2: GREEN, 3: RED})
    edge = find_boundaries(labels, mode="inner", connectivity=1)
    np.testing.assert_array_equal(drawn[edge & (labels == 1)], [RED] * int(sum(edge[labels == 1])))
    assert drawn[30, 30].tolist() == list(RED)
    assert drawn[10, 20].tolist() == list(GREEN)
    np.testing.assert_array_equal(drawn[labels == 0], base[labels == 0])
    inside = ~edge & (labels == 1)
    expected = base[inside] + 0.22 * (np.array(RED) - base[inside])
    assert np.abs(drawn[inside] - expected).max() <= 1


def test_a_label_without_a_colour_is_not_drawn(labels: np.ndarray) -> None:
    base = np.full((40, 50, 3), 100, np.uint8)
    drawn = draw_objects(base, labels, {2: GREEN})
    np.testing.assert_array_equal(drawn[labels != 2], base[labels != 2])
    np.testing.assert_array_equal(draw_objects(base, np.zeros_like(labels), {}), base)


def test_lines_grow_with_the_image() -> None:
    side = 1800
    labels = np.zeros((side, side), np.int32)
    labels[600:1200, 600:1200] = 1
    drawn = draw_objects(np.zeros((side, side, 3), np.uint8), labels, {1: RED})
    assert line_width((64, 64, 3)) == 1
    assert np.count_nonzero(drawn[900, 600:900, 0] == 255) == line_width(labels.shape) == 3


def test_frames_lie_on_the_edge_pixels_of_their_box() -> None:
    drawn = draw_boxes(np.zeros((64, 64, 3), np.uint8), [Box(10, 20, 30, 41)], ["cell"], [RED])
    ys, xs = np.nonzero(drawn[..., 0])
    assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == (10, 20, 30, 41)
    # One pixel wide, and no text on so small an image.
    assert len(xs) == 2 * 20 + 2 * 21 - 4


@pytest.mark.parametrize(
    ("box", "above"), [(Box(50, 60, 150, 150), True), (Box(50, 2, 150, 100), False)]
)
def test_the_text_stands_outside_the_box(box: Box, above: bool) -> None:
    drawn = draw_boxes(np.zeros((200, 300, 3), np.uint8), [box], ["cell 0.98"], [GREEN])
    rows = np.flatnonzero((drawn == GREEN).all(axis=2).any(axis=1))
    assert (rows.min() < box.ymin) == above
    assert (rows.max() >= box.ymax) != above
    assert (drawn == 255).all(axis=2).any() or (drawn.sum(axis=2) > 400).any()


def test_boxes_beyond_the_image_and_of_no_size_are_drawn_without_fault() -> None:
    base = np.zeros((120, 200, 3), np.uint8)
    boxes = [Box(-20, -20, 400, 400), Box(5.2, 5.2, 5.3, 5.3), Box(190, 110, 230, 140)]
    drawn = draw_boxes(base, boxes, ["a", "b", "a long label 0.99"], [RED, GREEN, RED])
    assert drawn.shape == base.shape
    assert drawn.any()
    assert not draw_boxes(base, [], [], []).any()


def test_a_stain_changes_no_colour_of_what_is_painted_fully(labels: np.ndarray) -> None:
    base = np.full((40, 50, 3), (90, 20, 120), np.uint8)
    drawn = paint_objects(base, labels, {1: (0, 0, 0), 2: GREEN}, 0.5, full=True)
    inside = drawn[8, 8].astype(int)
    assert np.ptp(inside) <= 1  # black over the stain is a grey
    np.testing.assert_array_equal(drawn[labels == 0], base[labels == 0])


def test_no_text_covers_another_where_there_is_room() -> None:
    boxes = [Box(40, 60, 140, 160), Box(42, 61, 142, 161), Box(44, 62, 144, 162)]
    colors = [RED, GREEN, (0, 0, 255)]
    drawn = draw_boxes(np.zeros((300, 400, 3), np.uint8), boxes, ["cell 0.98"] * 3, colors)
    sizes = [int((drawn == color).all(axis=2).sum()) for color in colors]
    alone = [
        draw_boxes(np.zeros((300, 400, 3), np.uint8), [box], ["cell 0.98"], [color])
        for box, color in zip(boxes, colors, strict=True)
    ]
    whole = [
        int((each == color).all(axis=2).sum()) for each, color in zip(alone, colors, strict=True)
    ]
    # Frames cross each other in a few pixels; a covered plate would lose hundreds.
    assert all(size > most - 120 for size, most in zip(sizes, whole, strict=True))
