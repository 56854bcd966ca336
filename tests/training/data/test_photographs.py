"""Photographs to train on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from training.data.photographs import PACKAGED, kodak, packaged


def test_packaged_photographs_are_scikit_images() -> None:
    for name, pixels in zip(PACKAGED, packaged(), strict=True):
        original = getattr(skimage.data, name)()
        expected = original if original.ndim == 3 else np.repeat(original[:, :, None], 3, axis=2)
        assert pixels.dtype == np.uint8
        assert np.array_equal(pixels, expected)


def test_kodak_photographs_by_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "kodak").mkdir()
    for number in (3, 12):
        Image.new("RGB", (4, 2), (number, 0, 0)).save(tmp_path / "kodak" / f"{number:02d}.png")
    read = kodak(tmp_path, (12, 3))
    assert [pixels.shape for pixels in read] == [(2, 4, 3)] * 2
    assert [int(pixels[0, 0, 0]) for pixels in read] == [12, 3]
