from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import polygon2mask

from brightfield.errors import InvalidParameter, InvalidRegion
from brightfield.explain.probing.hiding import mask_of, parse_shape
from brightfield.geometry import Geometry

from ..conftest import plain

# An image of 200 x 300: resized to 100 x 150, and of that the middle 80 x 80.
CROPPED = plain(200, 300).resized(100, 150).windowed(10, 35, 80, 80)


def hidden(text: str, geometry: Geometry) -> np.ndarray:
    return mask_of(parse_shape(text), geometry)


def test_a_rectangle_hides_the_pixels_whose_centre_it_covers() -> None:
    expected = np.zeros((12, 20), bool)
    expected[2:5, 3:10] = True
    assert np.array_equal(hidden("3,2,7,3", plain(12, 20)), expected)
    assert np.array_equal(hidden("2.6,1.6,7,3", plain(12, 20)), expected)
    expected[4] = False
    assert np.array_equal(hidden(" 3, 2, 7, 2.4", plain(12, 20)), expected)


def test_image_pixels_become_pixels_of_the_input() -> None:
    expected = np.zeros((80, 80), bool)
    expected[5:15, 0:20] = True
    # The input begins at x = 70, y = 20 of the image, in steps of two pixels.
    assert np.array_equal(hidden("60,30,50,20", CROPPED), expected)


@pytest.mark.parametrize("seed", range(4))
def test_a_polygon_hides_what_scikit_image_says(seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-10, 70, (3 + 2 * seed, 2))  # x, y
    text = ";".join(f"{x},{y}" for x, y in points)
    expected = polygon2mask((50, 60), points[:, ::-1] - 0.5)  # its pixels are points
    assert expected.any()
    assert np.array_equal(hidden(text, plain(50, 60)), expected)


def test_a_rectangle_is_the_polygon_of_its_corners() -> None:
    turned = "70,30;110,50;70,50;110,30"  # crosses itself: two triangles
    assert np.array_equal(
        hidden("70,30,40,20", CROPPED), hidden("110,30;110,50;70,50;70,30", CROPPED)
    )
    assert hidden(turned, CROPPED).sum() < hidden("70,30,40,20", CROPPED).sum()


@pytest.mark.parametrize(
    "text",
    ["0,0,60,60", "300,0,20,20", "-50,-50,20,20", "100.1,50.1,0.5,0.5", "70,20;71,20;70,21;70,20"],
)
def test_what_the_model_does_not_see_is_refused(text: str) -> None:
    with pytest.raises(InvalidRegion, match="x 70 to 230, y 20 to 180"):
        hidden(text, CROPPED)


def test_padding_is_nothing_that_could_be_hidden() -> None:
    padded = plain(10, 12).windowed(-3, -2, 16, 16)
    with pytest.raises(InvalidRegion):
        hidden("-3,-3,3,20", padded)
    assert hidden("-3,-3,4,20", padded).sum() == 10  # the first column of the image


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,0", "1,2,-3,4", "a,b,c,d", "1,2;3,4", "1,2;3,4;5,6,7", "1,2,3,4;5,6",
     "nan,0,3,4", "0,0,inf,4", "0,0;1,0;0,1e300", "0,0,5,5,"],
)  # fmt: skip
def test_malformed_shapes_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="neither a rectangle"):
        parse_shape(text)
