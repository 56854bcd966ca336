"""The structure of WebP files, against what Pillow writes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from brightfield.errors import TruncatedImage, UndecodableImage
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.webp import size


def saved(width: int, height: int, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (7, 8, 9)).save(file, "WEBP", **options)
    return file.getvalue()


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\x00\x00II*\x00"}])
@pytest.mark.parametrize("shape", [(1, 1), (40, 32), (1, 300), (5000, 3)])
def test_size_of_lossy_lossless_and_extended(
    options: dict[str, Any], shape: tuple[int, int]
) -> None:
    data = saved(*shape, **options)
    assert size(data) == shape
    for end in range(12, len(data), 7):
        with pytest.raises(TruncatedImage):
            size(data[:end])


def test_one_pixel() -> None:
    # A lossless file may end before byte 30, where the sizes of the other kinds stand.
    found = decode(saved(1, 1, lossless=True), limits=Limits(1))
    assert found.pixels.tolist() == [[[7, 8, 9]]]


def test_a_first_chunk_without_a_size() -> None:
    data = bytearray(saved(40, 32))
    data[12:16] = b"ICCP"
    with pytest.raises(UndecodableImage):
        size(bytes(data))
