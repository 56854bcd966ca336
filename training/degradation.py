"""How a large image becomes the small one that super-resolution starts from, and its metric.

Small images are made by Pillow's bicubic filter, which widens with the reduction (antialiasing),
and are rounded to 8 bit: the field's convention, that of MATLAB's `imresize`. Bicubic enlargement
by the same library is what a network has to beat.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from brightfield.images.luminance import luminance
from brightfield.images.resample import resize
from brightfield.tensors import Pixels


def trimmed(pixels: Pixels, scale: int) -> Pixels:
    """Without the last rows and columns that a division by `scale` would leave over."""
    height, width = pixels.shape[:2]
    return pixels[: height - height % scale, : width - width % scale]


def reduced(pixels: Pixels, scale: int) -> Pixels:
    """(H, W, C) 8 bit to (H / scale, W / scale, C), antialiased bicubic."""
    return resize(pixels, pixels.shape[0] // scale, pixels.shape[1] // scale, "bicubic")


def enlarged(pixels: Pixels, scale: int) -> Pixels:
    """(H, W, C) 8 bit to (scale H, scale W, C), bicubic."""
    return resize(pixels, pixels.shape[0] * scale, pixels.shape[1] * scale, "bicubic")


def psnr_y(answer: Pixels, truth: Pixels, border: int) -> float:
    """10 log10(255^2 / mean squared error) of the luminance without `border` pixels all round, in
    decibels; infinite for equal images."""
    sides = (_inner(truth, border), _inner(answer, border))
    if np.array_equal(*sides):
        return float("inf")
    return float(peak_signal_noise_ratio(*sides, data_range=255))  # type: ignore[no-untyped-call]


def ssim_y(answer: Pixels, truth: Pixels, border: int) -> float:
    """Wang's structural similarity (Gaussian window, sigma 1.5) of what `psnr_y` compares."""
    similarity = structural_similarity(  # type: ignore[no-untyped-call]
        _inner(truth, border),
        _inner(answer, border),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(similarity)


def _inner(pixels: Pixels, border: int) -> NDArray[np.float64]:
    height, width = pixels.shape[:2]
    return luminance(pixels)[border : height - border, border : width - border]
