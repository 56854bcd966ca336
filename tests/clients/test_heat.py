from __future__ import annotations

import numpy as np
from PIL import Image

from brightfield_client.heat import colorize, lay_over


def test_a_map_without_negatives_runs_from_black_to_white():
    colors = colorize(np.array([[2.0, 3.0, 4.0, 5.0]]))[0].tolist()
    assert colors == [[0, 0, 0], [255, 0, 0], [255, 255, 0], [255, 255, 255]]


def test_a_signed_map_is_blue_white_and_red_about_zero():
    blue, white, red, unknown = colorize(np.array([[-2.0, 0.0, 2.0, np.nan]]))[0].astype(int)
    assert blue[2] > 150 > blue[0]
    assert red[0] > 150 > red[2]
    assert white.tolist() == [247] * 3
    assert unknown.tolist() == [128] * 3


def test_a_constant_map_has_one_colour():
    assert len(np.unique(colorize(np.full((3, 3), 7.0)).reshape(-1, 3), axis=0)) == 1


def test_an_overlay_touches_its_region_alone():
    image = Image.new("RGB", (10, 8), (10, 20, 30))
    over = np.asarray(lay_over(np.ones((2, 2)), image, (2, 3, 4, 5), alpha=1.0))
    touched = (over != (10, 20, 30)).any(axis=-1)
    expected = np.zeros((8, 10), bool)
    expected[3:8, 2:6] = True
    np.testing.assert_array_equal(touched, expected)
