"""Outlines: valid by shapely, the right area, and exactly the same pixels when rasterised."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from shapely.geometry import MultiPolygon
from skimage.draw import polygon2mask
from skimage.measure import label as connected_parts

from brightfield.images.contours import Polygon, trace
from brightfield.images.rle import decode_labels, encode_labels
from tests.toys.rasterize import rasterize

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
LABELS = SHAPES.flatmap(
    lambda shape: arrays(np.int32, shape, elements=st.sampled_from([0, 1, 2, 900]))
)
# A hole that touches the outside in a corner, and two holes that touch each other in one.
PINCHED = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], np.int32)
HOLES = np.array([[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1]], np.int32)
NESTED = np.array([[1] * 5, [1, 0, 0, 0, 1], [1, 0, 2, 0, 1], [1, 0, 0, 0, 1], [1] * 5], np.int32)


def points(ring: np.ndarray) -> list[tuple[int, int]]:
    return [(int(x), int(y)) for x, y in ring]


@given(LABELS)
@example(PINCHED)
@example(HOLES)
@example(NESTED)
def test_outlines_are_valid_and_give_the_labels_back(labels: np.ndarray) -> None:
    outlines = trace(labels)
    assert list(outlines) == [label for label in (1, 2, 900) if (labels == label).any()]
    for label, outline in outlines.items():
        shape = MultiPolygon([(polygon.exterior, polygon.holes) for polygon in outline])
        assert shape.is_valid
        assert shape.area == (labels == label).sum()
        assert len(outline) == connected_parts(labels == label, connectivity=1).max()
        for polygon in outline:
            assert shapely.is_ccw(shapely.LinearRing(polygon.exterior))
            assert not any(shapely.is_ccw(shapely.LinearRing(hole)) for hole in polygon.holes)
            assert all(turns_everywhere(ring) for ring in polygon.rings)
    np.testing.assert_array_equal(rasterize(outlines, labels.shape), labels)
    np.testing.assert_array_equal(
        rasterize(outlines, labels.shape), decode_labels(encode_labels(labels), labels.shape)
    )


def turns_everywhere(ring: np.ndarray) -> bool:
    """No point lies on the line between its neighbours."""
    steps = np.roll(ring, -1, axis=0) - ring
    before = np.roll(steps, 1, axis=0)
    return bool(np.all(steps[:, 0] * before[:, 1] != steps[:, 1] * before[:, 0]))


def test_one_pixel() -> None:
    (polygon,) = trace(np.array([[3]]))[3]
    assert points(polygon.exterior) == [(0, 0), (1, 0), (1, 1), (0, 1)]
    assert polygon.holes == ()


def test_where_an_outline_would_meet_itself_a_hole_touches_it() -> None:
    (polygon,) = trace(PINCHED)[1]
    assert len(polygon.holes) == 1
    assert (2, 2) in points(polygon.exterior)
    assert (2, 2) in points(polygon.holes[0])
    (polygon,) = trace(HOLES)[1]
    assert [len(hole) for hole in polygon.holes] == [4, 4]


def test_parts_that_touch_in_a_corner_are_polygons_of_their_own() -> None:
    first, second = trace(np.eye(2, dtype=np.int32))[1]
    assert points(first.exterior)[0] == (0, 0)
    assert points(second.exterior)[0] == (1, 1)


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (5, 4)])
def test_no_objects(shape: tuple[int, int]) -> None:
    labels = np.zeros(shape, np.int32)
    assert trace(labels) == {}
    np.testing.assert_array_equal(rasterize({}, shape), labels)


def test_a_polygon_with_any_vertices_covers_the_pixels_whose_centres_it_holds() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
        radius = rng.uniform(3, 22, 12)
        ring = np.stack([16 + radius * np.cos(angles), 14 + radius * np.sin(angles)], axis=1)
        found = rasterize({1: [Polygon(ring)]}, (30, 34))
        expected = polygon2mask((30, 34), ring[:, ::-1] - 0.5)
        np.testing.assert_array_equal(found > 0, expected)


def test_of_overlapping_objects_the_later_one_is_seen() -> None:
    square = np.array([(0, 0), (2, 0), (2, 2), (0, 2)])
    found = rasterize({2: [Polygon(square)], 1: [Polygon(square + 1)]}, (3, 3))
    assert found.tolist() == [[2, 2, 0], [2, 1, 1], [0, 1, 1]]
