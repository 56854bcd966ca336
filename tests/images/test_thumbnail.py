from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from brightfield.images.thumbnail import SIDE, opened, pixel_vector, thumbnail


def test_a_photograph_keeps_its_proportions_and_colours() -> None:
    pixels = skimage.data.chelsea()
    small = opened(thumbnail(pixels))
    assert small.shape == (round(300 * SIDE / 451), SIDE, 3)
    np.testing.assert_allclose(small.mean(axis=(0, 1)), pixels.mean(axis=(0, 1)), atol=2)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_and_grey_pixels_are_shown(dtype: type) -> None:
    ramp = np.linspace(0, 1000, 40 * 200).reshape(40, 200, 1).astype(dtype)
    small = opened(thumbnail(ramp))
    assert small.shape == (19, 96, 3) and np.ptp(small) > 200


def test_a_tiny_picture_is_not_enlarged() -> None:
    assert opened(thumbnail(np.zeros((3, 5, 1), np.uint8))).shape == (3, 5, 3)


def test_a_pixel_vector_is_of_one_length_and_from_0_to_1() -> None:
    white = pixel_vector(thumbnail(np.full((50, 80, 3), 255, np.uint8)))
    assert white.shape == (3072,)
    np.testing.assert_allclose(white, 1)
