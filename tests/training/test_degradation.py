"""Super-resolution's metric and degradation against closed forms, scikit-image and Pillow."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.data
from PIL import Image

from training.degradation import enlarged, psnr_y, reduced, ssim_y, trimmed


def grey(value: int, side: int = 24) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def test_psnr_of_an_even_difference_is_its_closed_form() -> None:
    difference = 219 / 255 * 10  # ten grey levels in the studio range
    expected = 20 * math.log10(255 / difference)
    assert psnr_y(grey(110), grey(100), 2) == pytest.approx(expected)
    assert psnr_y(grey(100), grey(100), 2) == math.inf


@pytest.mark.parametrize(("border", "same"), [(3, True), (2, False)])
def test_the_border_does_not_count(border: int, same: bool) -> None:
    answer = grey(100)
    answer[2, 5] = 255
    assert (psnr_y(answer, grey(100), border) == math.inf) is same
    assert (ssim_y(answer, grey(100), border) == 1) is same


def test_small_images_are_pillows() -> None:
    photograph = skimage.data.coffee()
    image = Image.fromarray(photograph)
    small = np.asarray(image.resize((150, 100), Image.Resampling.BICUBIC))
    assert np.array_equal(reduced(photograph, 4), small)
    assert np.array_equal(
        enlarged(photograph, 2), image.resize((1200, 800), Image.Resampling.BICUBIC)
    )


def test_reducing_keeps_what_a_plain_average_keeps() -> None:
    """Antialiased: a pattern finer than the small pixels becomes its mean, not a moire."""
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    inner = reduced(stripes, 4)[4:-4, 4:-4]
    assert np.abs(inner.astype(int) - 100).max() <= 1


def test_trimmed_sides_divide() -> None:
    assert trimmed(np.zeros((7, 9, 3), np.uint8), 4).shape == (4, 8, 3)
