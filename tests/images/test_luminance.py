"""Luminance against BT.601's own numbers and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2ycbcr

from brightfield.images.luminance import luminance


def test_white_black_and_the_primaries() -> None:
    colours = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]]])
    # White is 235, black 16, and the primaries share out the 219 between.
    expected = [235, 16, 16 + 65.481, 16 + 128.553, 16 + 24.966]
    np.testing.assert_allclose(luminance(colours.astype(np.uint8))[0], expected, atol=1e-9)


def test_against_scikit_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    np.testing.assert_allclose(luminance(pixels), rgb2ycbcr(pixels)[:, :, 0], atol=1e-9)


def test_one_channel_is_grey_and_another_peak_scales() -> None:
    grey = np.full((2, 2, 1), 100, np.uint8)
    assert luminance(grey) == pytest.approx(16 + 219 * 100 / 255)
    wide = np.full((2, 2, 3), 100 * 257, np.uint16)
    assert luminance(wide, 65535) == pytest.approx(257 * (16 + 219 * 100 / 255))
