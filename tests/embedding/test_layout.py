from __future__ import annotations

import numpy as np

from brightfield.embedding.layout import scaled, snapped


def test_no_two_share_a_cell_and_none_goes_far() -> None:
    points = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    places = scaled(points)
    cells = snapped(places, 20, 20, np.arange(200))
    assert len(np.unique(cells, axis=0)) == 200
    assert np.abs(cells + 0.5 - places * 20).max() <= 6


def test_a_lone_point_takes_its_own_cell() -> None:
    cells = snapped(np.array([[0.0, 0.0], [1.0, 1.0], [0.49, 0.51]]), 10, 10, np.array([1, 2]))
    assert cells.tolist() == [[9, 9], [4, 5]]


def test_a_crowd_spreads_until_the_grid_is_full() -> None:
    cells = snapped(np.full((500, 2), 0.5), 20, 20, np.arange(500))
    shown = cells[cells[:, 0] >= 0]
    assert len(np.unique(shown, axis=0)) == len(shown) == 400
    near = snapped(np.full((121, 2), 0.49), 21, 21, np.arange(121))
    assert np.abs(near - 10).max() <= 6  # about a disc


def test_maps_are_drawn_with_y_upwards_and_lines_in_the_middle() -> None:
    assert scaled(np.array([[0, 0], [2, 4]], np.float32)).tolist() == [[0, 1], [1, 0]]
    assert scaled(np.array([[5, 0], [5, 1]], np.float32))[:, 0].tolist() == [0.5, 0.5]
