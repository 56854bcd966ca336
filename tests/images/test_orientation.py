"""Orientation tags against Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from brightfield.images.orientation import exif_orientation, upright


def exif(tag: int) -> bytes:
    block = Image.Exif()
    block[274] = tag
    return block.tobytes()


@pytest.mark.parametrize("tag", range(1, 9))
def test_pixels_are_turned_as_pillow_turns_them(tag: int) -> None:
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    image = Image.fromarray(pixels)
    image.getexif()[274] = tag
    expected = ImageOps.exif_transpose(image)
    np.testing.assert_array_equal(upright(pixels, tag), np.asarray(expected))


@pytest.mark.parametrize("tag", range(1, 9))
def test_the_tag_is_read(tag: int) -> None:
    assert exif_orientation(exif(tag)) == tag
    assert exif_orientation(exif(tag).removeprefix(b"Exif\x00\x00")) == tag


def test_malformed_blocks_mean_upright() -> None:
    whole = exif(6)
    assert exif_orientation(exif(11)) == 1
    assert exif_orientation(b"Exif\x00\x00XX*\x00") == 1
    assert [exif_orientation(whole[:cut]) for cut in (0, 7, 12, 16)] == [1, 1, 1, 1]
