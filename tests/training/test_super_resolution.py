"""Measuring super-resolution: an answer as good as bicubic gains nothing, a perfect one all."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from brightfield.cards import InputSpec
from brightfield.models.subpixel import Subpixel
from training.degradation import enlarged, luminance, reduced
from training.super_resolution import answer, score


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return skimage.data.coffee()[100:261, 200:361]  # 161 pixels: one too many for both scales


@pytest.mark.parametrize("scale", [2, 4])
def test_bicubics_own_score(photograph: np.ndarray, scale: int) -> None:
    found = score(photograph, scale, lambda small: enlarged(small, scale))
    assert (found.psnr_y, found.ssim_y) == (found.psnr_y_bicubic, found.ssim_y_bicubic)
    truth = photograph[:160, :160]
    inner = slice(scale, 160 - scale)
    planes = [
        luminance(image)[inner, inner] for image in (truth, enlarged(reduced(truth, scale), scale))
    ]
    assert found.psnr_y == pytest.approx(peak_signal_noise_ratio(*planes, data_range=255))
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    assert found.ssim_y == pytest.approx(structural_similarity(*planes, data_range=255, **wang))


def test_a_perfect_answer(photograph: np.ndarray) -> None:
    found = score(photograph, 2, lambda _: photograph[:160, :160])
    assert found.psnr_y == math.inf
    assert found.ssim_y == pytest.approx(1)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_untrained_network_answers_bicubic(photograph: np.ndarray, channels: int) -> None:
    small = photograph[:40, :50, :channels]
    ours = answer(Subpixel(2, width=4, blocks=1), InputSpec(), small)
    assert ours.dtype == np.uint8
    # Pillow rounds between its two passes over 8-bit pixels.
    assert np.abs(ours.astype(int) - enlarged(small, 2)).max() <= 1
