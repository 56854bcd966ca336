"""How close an image comes to a reference: PSNR and SSIM."""

from __future__ import annotations

import math

import numpy as np
import skimage

from brightfield.tensors import Pixels

# Wang's Gaussian window: sigma 1.5, cut off at 3.5 sigma.
_RADIUS = 5
_WINDOW = 2 * _RADIUS + 1
# Rows for which the similarity is found at once: it takes about ten float64 images as large.
_STRIP = 512


def data_range(reference: Pixels) -> float:
    """The span of values: 2^bits - 1 of an integer dtype, else max - min of the finite ones."""
    if reference.dtype.kind in "ui":
        info = np.iinfo(reference.dtype)
        return float(info.max - info.min)
    finite = reference[np.isfinite(reference)]
    return float(finite.max()) - float(finite.min()) if finite.size else 0.0


def squared_error(image: Pixels, reference: Pixels) -> float:
    """The sum over all pixels and channels of (image - reference)^2, in float64.

    Both (H, W, C) of one shape; NaN where a pixel is not finite.
    """
    total = 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        for row, wanted in zip(image, reference, strict=True):
            total += float(np.square(row.astype(np.float64) - wanted.astype(np.float64)).sum())
    return total


def absolute_error(image: Pixels, reference: Pixels) -> float:
    """The sum over all pixels and channels of |image - reference|, in float64."""
    total = 0.0
    for row, wanted in zip(image, reference, strict=True):
        total += float(np.abs(row.astype(np.float64) - wanted.astype(np.float64)).sum())
    return total


def psnr(image: Pixels, reference: Pixels) -> float:
    """Peak signal-to-noise ratio 10 log10(R^2 / mean((image - reference)^2)) in dB.

    Over all pixels and channels of two (H, W, C) of one shape; R is `data_range`. Infinite for
    equal images; NaN where a pixel is not finite.
    """
    total = squared_error(image, reference)
    span, mean = data_range(reference), total / max(1, reference.size)
    if mean == 0:
        return math.inf
    return 20 * math.log10(span) - 10 * math.log10(mean) if span > 0 else -math.inf


def ssim(image: Pixels, reference: Pixels, span: float | None = None) -> float:
    """Mean structural similarity of two (H, W, C) of one shape, the mean over their channels.

    With the window of Wang et al. (Gaussian, sigma 1.5, 11 x 11 pixels; K1 = 0.01, K2 = 0.03,
    population covariance), a border of 5 pixels left out: "Image quality assessment: from error
    visibility to structural similarity", IEEE TIP 2004. `span` is L, else `data_range`. NaN for
    images with a side below 11 pixels or without contrast in the reference's range.
    """
    height, width, channels = reference.shape
    span = data_range(reference) if span is None else span
    if min(height, width) < _WINDOW or span <= 0:
        return math.nan
    total, inner = 0.0, height - 2 * _RADIUS
    for start in range(0, inner, _STRIP):
        count = min(_STRIP, inner - start)
        rows = slice(start, start + count + 2 * _RADIUS)
        for channel in range(channels):
            mean = _similarity(image[rows, :, channel], reference[rows, :, channel], span)
            total += count * mean
    return float(total / (inner * channels))


def volume_ssim(image: Pixels, reference: Pixels, span: float) -> float:
    """Mean structural similarity of two (D, H, W, C), as `ssim` but with a window of 11 x 11 x 11.

    NaN for volumes with a side below 11 pixels.
    """
    if min(reference.shape[:3]) < _WINDOW:
        return math.nan
    channels = range(reference.shape[3])
    return float(np.mean([_similarity(image[..., c], reference[..., c], span) for c in channels]))


def _similarity(image: Pixels, reference: Pixels, span: float) -> float:
    similarity = skimage.metrics.structural_similarity(  # type: ignore[no-untyped-call]
        image.astype(np.float64),
        reference.astype(np.float64),
        data_range=span,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(similarity)
