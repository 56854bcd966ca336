from __future__ import annotations

import base64

import numpy as np
import pytest

from brightfield.explain.maps.occlusion_map import OcclusionMap
from brightfield.geometry import Geometry
from brightfield.images.windows import window_grid
from brightfield.targets import Target

from ..conftest import plain

# An image of 40 x 80 in a quarter of its size, of which the model sees the middle 8 x 8.
SEEN: Geometry = plain(40, 80).resized(10, 20).windowed(1, 6, 8, 8)
GRID = window_grid((8, 8), (4, 4), (4, 4), "shift")
FACTS = {"window": [4, 4], "stride": [4, 4], "border": "shift"}
TARGETS = [Target(name, i, lambda output: output[:, 0], 0.0) for i, name in enumerate("ab")]
SCORES = np.array([[[1.0, 2], [3, 4]], [[5, 6], [7, np.nan]]])


@pytest.fixture
def result() -> OcclusionMap:
    return OcclusionMap(TARGETS, np.array([10.0, 20]), SEEN, dict(FACTS), GRID, SCORES)


def test_the_edges_of_the_grid_are_in_image_pixels(result: OcclusionMap) -> None:
    grid = result.payload("input")["grid"]
    assert grid["x"] == [[24, 40], [40, 56]]
    assert grid["y"] == [[4, 20], [20, 36]]
    assert (grid["rows"], grid["cols"]) == (2, 2)
    assert {key: grid[key] for key in FACTS} == FACTS


def test_the_map_on_the_input_grid_is_exact(result: OcclusionMap) -> None:
    payload = result.payload("input")["map"]
    values = np.frombuffer(base64.b64decode(payload["data"]), "<f4").reshape(payload["shape"])
    assert values.shape == (2, 8, 8)
    assert np.array_equal(values[0], np.kron([[9, 8], [7, 6]], np.ones((4, 4))))
    assert payload["region"] == [24, 4, 32, 32]
    assert payload["signed"] is True
    assert (payload["min"], payload["max"]) == (None, None)  # a score is no number


def test_in_image_pixels_the_cells_lie_in_place_and_the_rest_is_zero(result: OcclusionMap) -> None:
    values = result.raster("image").array
    assert values.shape == (2, 40, 80)
    assert values[0, 4:16, 24:36] == pytest.approx(9)
    assert values[0, 24:36, 44:56] == pytest.approx(6)
    outside = np.ones((40, 80), bool)
    outside[4:36, 24:56] = False
    assert not values[0][outside].any()
    assert np.array_equal(result.heat().map, values[0])


def test_the_table_has_a_row_per_target_and_window(result: OcclusionMap) -> None:
    table = result.table()
    assert table.columns == (
        "target", "class_id", "xmin", "ymin", "xmax", "ymax", "score", "difference",
    )  # fmt: skip
    assert len(table.rows) == 8
    assert table.rows[1] == ("a", 0, 40, 4, 56, 20, 2, 8)
    assert table.rows[4] == ("b", 1, 24, 4, 40, 20, 5, 15)


def test_what_is_no_number_becomes_null(result: OcclusionMap) -> None:
    assert result.payload("input")["scores"] == [[[1, 2], [3, 4]], [[5, 6], [7, None]]]


def test_without_a_grid_the_rasters_are_empty() -> None:
    alone = OcclusionMap(TARGETS, np.array([10.0, 20]), SEEN, {})
    assert alone.table().rows == []
    assert alone.raster("input").array.shape == (2, 8, 8)
    assert not alone.raster("image").array.any()
