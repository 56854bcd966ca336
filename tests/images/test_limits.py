"""Sizes are read from headers: a few bytes that promise much cost nothing."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from brightfield.errors import TooManyPixels, UndecodableImage
from brightfield.images.decode import decode
from brightfield.images.limits import Limits, check_pixels


def small(kind: str, **options: Any) -> bytearray:
    file = io.BytesIO()
    Image.new("RGB", (40, 32)).save(file, kind, **options)
    return bytearray(file.getvalue())


def jpeg() -> bytearray:
    data = small("JPEG")
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    return data


def png() -> bytearray:
    data = small("PNG")
    data[16:24] = struct.pack(">II", 100_000, 100_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return data


def bmp() -> bytearray:
    data = small("BMP")
    data[18:26] = struct.pack("<ii", 60_000, -60_000)
    return data


def gif_screen() -> bytearray:
    data = small("GIF")
    data[6:10] = struct.pack("<HH", 60_000, 60_000)
    return data


def gif_frame() -> bytearray:
    data = small("GIF")
    frame = data.index(b"\x2c\x00\x00\x00\x00\x28\x00\x20\x00")
    data[frame + 5 : frame + 9] = struct.pack("<HH", 60_000, 60_000)
    return data


def webp() -> bytearray:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + b"\x3f\x3f\x00" * 2
    return bytearray(b"RIFF" + struct.pack("<I", len(body)) + body)


def npy() -> bytearray:
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (60000, 60000), }".ljust(117) + b"\n"
    return bytearray(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)


@pytest.mark.parametrize("header", [jpeg, png, bmp, gif_screen, gif_frame, webp, npy])
def test_a_promise_of_too_much_is_refused_in_little_memory(header: Any) -> None:
    data = bytes(header())
    tracemalloc.start()
    try:
        with pytest.raises(TooManyPixels):
            decode(data, limits=Limits(10**8))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("counted", "more"),
    [(100, {}), (300, {"planes": 3}), (100, {"channels": 4}), (200, {"channels": 6})],
)
def test_planes_count_and_three_channels_are_one(counted: int, more: dict[str, int]) -> None:
    check_pixels(20, 5, counted, **more)
    with pytest.raises(TooManyPixels, match=f"at most {counted - 1:,} pixels"):
        check_pixels(20, 5, counted - 1, **more)


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (-3, 5)])
def test_no_pixels_at_all(width: int, height: int) -> None:
    with pytest.raises(UndecodableImage, match="no pixels"):
        check_pixels(width, height, 100)


def test_the_smallest_limit_lets_one_pixel_through() -> None:
    file = io.BytesIO()
    np.save(file, np.zeros((1, 1), np.uint8))
    assert decode(file.getvalue(), limits=Limits(1)).pixels.shape == (1, 1, 1)
