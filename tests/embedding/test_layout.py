from __future__ import annotations

import numpy as np

from brightfield.embedding.layout import scaled, snapped


def test_no_two_share_a_cell_and_none_goes_far() -> None:
    points = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    places = scaled(points)
    cells = snapped(places, 20, 20, np.arange(200))
    shown = cells[cells[:, 0] >= 0]
    assert len(np.unique(shown, axis=0)) == len(shown) > 150
    away = np.abs(shown + 0.5 - places[cells[:, 0] >= 0] * 20)
    assert away.max() <= 6


def test_a_lone_point_takes_its_own_cell() -> None:
    cells = snapped(np.array([[0.0, 0.0], [1.0, 1.0], [0.49, 0.51]]), 10, 10, np.array([1, 2]))
    assert cells.tolist() == [[9, 9], [4, 5]]


def test_a_crowd_leaves_some_out() -> None:
    cells = snapped(np.full((200, 2), 0.5), 20, 20, np.arange(200))
    assert (cells[:, 0] >= 0).sum() == 121  # eleven by eleven


def test_maps_are_drawn_with_y_upwards_and_lines_in_the_middle() -> None:
    assert scaled(np.array([[0, 0], [2, 4]], np.float32)).tolist() == [[0, 1], [1, 0]]
    assert scaled(np.array([[5, 0], [5, 1]], np.float32))[:, 0].tolist() == [0.5, 0.5]
