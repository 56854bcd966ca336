"""Geometry: edges, points and maps between the input grid and the image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage.transform import resize as skimage_resize

from brightfield.geometry import Axis, Geometry


def whole(height: int, width: int) -> Geometry:
    return Geometry(Axis.of(width, 0, width), Axis.of(height, 0, height))


def lite0(height: int, width: int) -> Geometry:
    """Short side 256, centre crop 224."""
    short = min(height, width)
    size = (int(256 * height / short), int(256 * width / short))
    top, left = (round((side - 224) / 2) for side in size)
    return whole(height, width).resized(*size).windowed(top, left, 224, 224)


def test_a_centre_crop_lies_where_its_arithmetic_says() -> None:
    geometry = lite0(512, 1024)  # resized by a half to 256 x 512; crop at (16, 144)
    assert geometry.region_in_image == (288, 32, 448, 448)
    assert geometry.point_to_input(288, 32) == (0, 0)
    assert geometry.box_to_input(290, 36, 4, 8) == (1, 2, 2, 4)
    assert geometry.box_to_image(1, 2, 2, 4) == (290, 36, 4, 8)
    assert geometry.input_size == (224, 224)


def test_edges_map_there_and_back() -> None:
    geometry = lite0(427, 640)
    edges = np.linspace(0, 224, 9)
    image = geometry.input_to_image_x(edges)
    back = [geometry.point_to_input(x, 0)[0] for x in image]
    np.testing.assert_allclose(back, edges, atol=1e-9)
    np.testing.assert_allclose(np.diff(image), 28 * 640 / 383)


def test_a_map_over_the_whole_image_is_resized_as_scikit_image_does() -> None:
    values = np.random.default_rng(0).random((7, 9)).astype(np.float32)
    got = whole(35, 63).resized(7, 9).to_image(values)
    expected = skimage_resize(values, (35, 63), order=1, mode="edge", anti_aliasing=False)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_coarser_image_gets_averages() -> None:
    values = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    got = whole(16, 16).resized(64, 64).to_image(values)
    expected = np.asarray(Image.fromarray(values).resize((16, 16), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("size", [(300, 451), (427, 640), (100, 130), (640, 200)])
def test_a_ramp_stays_the_same_ramp_in_image_pixels(size: tuple[int, int]) -> None:
    geometry = lite0(*size)
    centres = geometry.input_to_image_x(np.arange(224) + 0.5)
    image = geometry.to_image(np.tile(centres, (224, 1)).astype(np.float32))
    left, top, width, height = geometry.region_in_image
    x = np.arange(size[1]) + 0.5
    inner = (x > left + width / 100) & (x < left + width * 0.99)
    row = int(top + height / 2)
    # Averaging over whole cells is exact to a tenth of a pixel; a shifted convention costs a half.
    np.testing.assert_allclose(image[row, inner], x[inner], atol=0.1)


@pytest.mark.parametrize("size", [(300, 451), (100, 130), (20, 30)])
def test_what_the_input_does_not_show_is_zero(size: tuple[int, int]) -> None:
    geometry = lite0(*size)
    image = geometry.to_image(np.ones((224, 224), dtype=np.float32))
    left, top, width, height = geometry.region_in_image
    x, y = np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5
    inside = ((x > left) & (x < left + width))[None] & ((y > top) & (y < top + height))[:, None]
    np.testing.assert_allclose(image, inside, atol=1e-6)


def test_padding_is_no_part_of_the_image() -> None:
    padded = whole(10, 12).windowed(-3, -2, 16, 16)
    assert padded.region_in_image == (0, 0, 12, 10)
    values = np.arange(256, dtype=np.float32).reshape(16, 16)
    np.testing.assert_allclose(padded.to_image(values), values[3:13, 2:14], atol=1e-5)


def test_a_coarse_grid_lies_over_the_whole_input() -> None:
    geometry = whole(60, 60).windowed(10, 20, 32, 32)
    image = geometry.to_image(np.array([[1, 2], [3, 4]], dtype=np.float32))
    assert image[10, 20] == 1
    assert image[41, 51] == 4
    assert image[9, 20] == image[42, 51] == 0
    assert image[25:27, 35:37].mean() == pytest.approx(2.5)
