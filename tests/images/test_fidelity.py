from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from brightfield.images import fidelity
from brightfield.images.fidelity import data_range, psnr, ssim

COFFEE = skimage.data.coffee()[:120, :150]


def blurred(dtype: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """An image and one that is near to it, in a dtype."""
    near = (COFFEE.astype(int) + np.roll(COFFEE, 1, axis=1)) // 2
    if dtype == "float32":
        return (near / 300).astype(np.float32), (COFFEE / 300).astype(np.float32)
    factor = 257 if dtype == "uint16" else 1
    return (near * factor).astype(dtype), (COFFEE.astype(int) * factor).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strip", [7, 512])
def test_they_are_scikit_images(
    dtype: str, channels: int, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fidelity, "_STRIP", strip)
    image, reference = (part[..., :channels] for part in blurred(dtype))
    span = {"uint8": 255, "uint16": 65_535}.get(
        dtype, float(reference.max()) - float(reference.min())
    )
    assert data_range(reference) == pytest.approx(span)
    wide, truth = image.astype(np.float64), reference.astype(np.float64)
    assert psnr(image, reference) == pytest.approx(
        peak_signal_noise_ratio(truth, wide, data_range=span), abs=1e-9
    )
    expected = structural_similarity(
        wide, truth, data_range=span, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, channel_axis=2,
    )  # fmt: skip
    assert ssim(image, reference) == pytest.approx(expected, abs=1e-9)


def test_equal_images_have_no_noise() -> None:
    assert psnr(COFFEE, COFFEE) == math.inf
    assert ssim(COFFEE, COFFEE) == pytest.approx(1)


def test_where_nothing_can_be_said() -> None:
    image, reference = blurred("float32")
    image[3, 4, 0] = np.nan
    assert math.isnan(psnr(image, reference))
    reference[5, 6, 0] = image[5, 6, 0] = np.inf
    assert math.isnan(psnr(image, reference))
    assert math.isnan(ssim(COFFEE[:10], COFFEE[:10]))
    flat = np.full((20, 20, 1), 0.5, np.float32)
    assert math.isnan(ssim(flat + np.float32(0.1), flat))
    assert psnr(flat + np.float32(0.1), flat) == -math.inf
