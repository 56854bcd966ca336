"""The structure of bitmaps, against what Pillow and OpenCV write."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from brightfield.errors import TruncatedImage
from brightfield.images.bmp import check_whole, size
from brightfield.images.decode import decode
from brightfield.images.limits import Limits


def saved(mode: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (13, 9)).save(file, "BMP")
    return file.getvalue()


def run_lengths(height: int) -> bytes:
    """`height` rows of four pixels of grey 5, run-length encoded."""
    palette = b"".join(bytes((i, i, i, 0)) for i in range(256))
    rows = b"\x04\x05\x00\x00" * height + b"\x00\x01"
    start = 14 + 40 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, 4, height, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + info + palette + rows


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_all_but_the_last_padding_is_needed(mode: str) -> None:
    data = saved(mode)
    padding = {"1": 2, "L": 3, "P": 3, "RGB": 1, "RGBA": 0}[mode]
    assert size(data) == (13, 9)
    check_whole(data[: len(data) - padding])
    with pytest.raises(TruncatedImage):
        check_whole(data[: len(data) - padding - 1])


def test_rows_from_the_top() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    data = bytearray(cv2.imencode(".bmp", pixels[::-1, :, ::-1])[1].tobytes())
    data[22:26] = struct.pack("<i", -8)
    assert size(bytes(data)) == (12, 8)
    np.testing.assert_array_equal(decode(bytes(data), limits=Limits(100)).pixels, pixels)


def test_run_lengths() -> None:
    data = run_lengths(3)
    found = decode(data, limits=Limits(100)).pixels
    assert found.shape[:2] == (3, 4)
    assert (found == 5).all()
    for end in range(26, len(data)):
        with pytest.raises(TruncatedImage):
            decode(data[:end], limits=Limits(100))
