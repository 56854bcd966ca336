"""Drawn fields of cells whose every object is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Circle = tuple[int, int, int]
"""x, y, radius."""

RED: Sequence[Circle] = [(90, 90, 48), (230, 80, 48), (80, 240, 48), (390, 290, 48), (250, 300, 48)]
WHITE: Sequence[Circle] = [(380, 110, 70)]
PLATELETS: Sequence[Circle] = [(160, 170, 14), (320, 220, 14)]


def smear() -> NDArray[np.uint8]:
    """(384, 480, 3): red cells with a paler middle, a white cell with its nucleus, platelets."""
    pixels = np.full((384, 480, 3), (222.0, 214.0, 210.0))
    for x, y, radius in RED:
        _lay(pixels, (x, y, radius), (190, 125, 130))
        _lay(pixels, (x, y, radius // 2), (205, 160, 160))
    for x, y, radius in WHITE:
        _lay(pixels, (x, y, radius), (196, 171, 206))
        for right, down in ((-18, -12), (16, -14), (2, 18)):
            _lay(pixels, (x + right, y + down, 26), (95, 55, 150))
    for circle in PLATELETS:
        _lay(pixels, circle, (148, 107, 178))
    noise = np.random.default_rng(0).normal(0, 2, pixels.shape)
    blurred = ndimage.gaussian_filter(pixels, (1.5, 1.5, 0)) + noise
    return np.rint(blurred.clip(0, 255)).astype(np.uint8)


def nuclei() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """(256, 256, 1) of bright ellipses on a dark ground, and their label image; two pairs touch."""
    y, x = np.mgrid[:256, :256]
    labels = np.zeros((256, 256), np.int32)
    places = [
        (40, 50),
        (66, 50),
        (130, 40),
        (210, 60),
        (60, 140),
        (140, 140),
        (140, 166),
        (210, 190),
    ]
    for number, (across, down) in enumerate(places, 1):
        labels[((x - across) / 13) ** 2 + ((y - down) / 12) ** 2 < 1] = number
    bright = 110 + 12 * np.arange(len(places) + 1)
    bright[0] = 12
    pixels = ndimage.gaussian_filter(bright[labels].astype(np.float64), 1.0)
    noisy = pixels + np.random.default_rng(0).normal(0, 3, pixels.shape)
    return np.rint(noisy.clip(0, 255)).astype(np.uint8)[..., None], labels


def _lay(pixels: NDArray[np.float64], circle: Circle, color: tuple[int, int, int]) -> None:
    x, y, radius = circle
    down, right = np.indices(pixels.shape[:2]) + 0.5
    cover = np.clip(radius - np.hypot(right - x, down - y), 0, 1)[..., None]
    pixels += cover * (np.array(color) - pixels)
