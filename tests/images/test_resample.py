"""Resizing against torchvision's antialiased reference."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tv

from brightfield.images import bands
from brightfield.images.resample import Interpolation, resize

CAT = skimage.data.chelsea()
SIZES = [(75, 112), (100, 451), (400, 600)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_8_bit_colour_is_pillows(size: tuple[int, int], name: Interpolation) -> None:
    kernel = Image.Resampling[name.upper()]
    expected = np.asarray(Image.fromarray(CAT).resize(size[::-1], kernel))
    np.testing.assert_array_equal(resize(CAT, *size, name), expected)


@pytest.mark.parametrize("size", [*SIZES, (300, 90), (90, 451)])
@pytest.mark.parametrize("name", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_in_bands_it_is_the_same(
    size: tuple[int, int], name: Interpolation, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = CAT.astype(dtype)
    at_once = resize(pixels, *size, name)
    monkeypatch.setattr(bands, "AT_ONCE", 451 * 70)
    np.testing.assert_array_equal(resize(pixels, *size, name), at_once)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
def test_floats_are_torchvisions(size: tuple[int, int], name: Interpolation) -> None:
    pixels = CAT.astype(np.float32) / 255
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)
    reference = tv.resize(tensor, list(size), InterpolationMode(name), antialias=True)
    found = resize(pixels, *size, name)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference.permute(1, 2, 0).numpy(), atol=2e-5)


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_channels_do_not_mix(channels: int, dtype: type[np.generic]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (30, 41, channels)).astype(dtype)
    found = resize(pixels, 17, 23, "bilinear")
    assert found.shape == (17, 23, channels)
    assert found.dtype == dtype
    for c in range(channels):
        alone = np.asarray(
            Image.fromarray(pixels[..., c].copy()).resize((23, 17), Image.Resampling.BILINEAR)
        )
        np.testing.assert_array_equal(found[..., c], alone)


def test_the_same_size_is_left_alone() -> None:
    assert resize(CAT, 300, 451, "bicubic") is CAT
