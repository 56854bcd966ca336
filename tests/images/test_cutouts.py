from __future__ import annotations

import numpy as np
import pytest

from brightfield.images.cutouts import cut_out, gradient_picture
from brightfield.images.objects import Box


def test_every_pixel_that_the_box_touches_is_cut_out() -> None:
    pixels = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    found = cut_out(pixels, Box(0.9, 2.0000001, 2.1, 4.0), None)
    assert np.array_equal(found, pixels[2:4, 0:3])
    assert np.array_equal(cut_out(pixels, Box(4, 5, 4, 5), None), pixels[4:, 3:])  # at least one
    assert np.array_equal(cut_out(pixels, Box(-3, -1, 90, 90), None), pixels)


def test_other_dtypes_are_shown_by_the_limits() -> None:
    pixels = np.array([[[0], [1000], [2000], [9000]]], np.uint16)
    found = cut_out(pixels, Box(0, 0, 4, 1), (0, 2000))
    assert found[0, :, 0].tolist() == [0, 128, 255, 255]


def test_large_parts_are_reduced_in_proportion() -> None:
    pixels = np.zeros((300, 1024, 3), np.uint8)
    assert cut_out(pixels, Box(0, 0, 1024, 300), None).shape == (75, 256, 3)


@pytest.mark.parametrize("bgr", [False, True])
def test_a_gradient_is_grey_where_it_is_0(bgr: bool) -> None:
    gradient = np.zeros((3, 4, 4), np.float32)
    gradient[:, 1, 2] = [2, -1, -2]
    found = gradient_picture(gradient, Box(1, 1, 3, 3), bgr=bgr)
    assert found.shape == (2, 2, 3)
    assert (found[0, 0] == 128).all()
    assert found[0, 1].tolist() == ([0, 64, 255] if bgr else [255, 64, 0])


def test_of_other_channels_the_strongest_is_shown() -> None:
    gradient = np.zeros((2, 1, 2), np.float32)
    gradient[:, 0, 0] = [1, -2]
    assert gradient_picture(gradient, Box(0, 0, 2, 1), bgr=False)[0].tolist() == [
        [0] * 3,
        [128] * 3,
    ]
