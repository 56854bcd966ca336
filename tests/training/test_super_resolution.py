"""Measuring super-resolution: an answer as good as bicubic gains nothing, a perfect one all."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor, nn

from brightfield.cards import InputSpec, read_card
from brightfield.images.intensity import Intensity
from brightfield.images.luminance import luminance
from brightfield.models.loading.build import build
from brightfield.models.subpixel import Subpixel
from brightfield.zoo import folder
from training.degradation import enlarged, reduced
from training.recipes.microscopy_x2 import gains
from training.recipes.photo_x2 import PhotoX2
from training.recipes.photo_x4 import PhotoX4
from training.super_resolution import Score, answer, means, score

WHOLE = Intensity("percentile:0,100")


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
    small = photograph[:40, :50, :channels] // 2 + 30  # limits other than 0 and 255
    ours = answer(Subpixel(2, width=4, blocks=1), InputSpec(intensity=WHOLE), small)
    assert ours.dtype == np.uint8
    # Pillow rounds between its two passes over 8-bit pixels.
    assert np.abs(ours.astype(int) - enlarged(small, 2)).max() <= 1


class Black(nn.Module):
    """Answers black."""

    def forward(self, images: Tensor) -> Tensor:
        return images.new_zeros(len(images), 3, 2 * images.shape[2], 2 * images.shape[3])


def test_the_loss_is_the_mean_error_of_colours_and_of_luminance() -> None:
    green = torch.zeros(2, 3, 8, 8)
    green[:, 1] = 0.3
    parts = PhotoX2(Path()).losses(Black(), (torch.ones(2, 3, 4, 4), green))
    assert float(parts["colour"]) == pytest.approx(0.3 / 3)
    assert float(parts["luminance"]) == pytest.approx(0.3 * 0.587)  # green's share in BT.601


def test_a_recipe_begins_with_all_that_fits_of_another_model() -> None:
    recipe = PhotoX4(Path())
    own, known = recipe.network().state_dict(), build(read_card(folder() / "photo-x2")).state_dict()
    unlike = {key for key in own if not torch.equal(own[key], known[key])}
    assert {key.partition(".")[0] for key in unlike} <= {"tail"}
    assert own["tail.weight"].shape[0] == 3 * 4**2
    assert not own["tail.weight"].any()


def test_means_and_gains_over_images() -> None:
    ours = [Score(30.0, 28.0, 0.9, 0.8), Score(36.0, 31.0, 0.7, 0.6)]
    photo = [Score(29.5, 28.0, 0.9, 0.8), Score(36.5, 31.0, 0.7, 0.6)]
    found = {row.metric: row.value for row in means(ours, "set", "val")}
    assert found == pytest.approx(
        {
            "psnr_y": 33.0,
            "psnr_y_bicubic": 29.5,
            "ssim_y": 0.8,
            "ssim_y_bicubic": 0.7,
            "psnr_y_gain": 3.5,
        }
    )
    over = {row.metric: (row.value, row.n) for row in gains(ours, photo, "val")}
    assert over == {"psnr_y_gain": (3.5, 2), "psnr_y_gain_over_photo-x2": (0.0, 2)}
