"""The structure of GIF files, against what Pillow writes and reads."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from brightfield.errors import TruncatedImage, UndecodableImage
from brightfield.images.gif import read_header, size


def film(frames: int) -> bytes:
    first, *others = [Image.new("RGB", (40, 32), (80 * i, 0, 9)) for i in range(frames)]
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, comment=b"x" * 600)
    return file.getvalue()


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_frames_are_counted(frames: int) -> None:
    header = read_header(film(frames))
    assert (header.width, header.height, header.frames) == (40, 32, frames)


def test_a_frame_may_reach_over_the_screen_as_pillow_lets_it() -> None:
    data = bytearray(film(1))
    data[6:10] = b"\x05\x00\x06\x00"
    header = read_header(bytes(data))
    assert size(bytes(data)) == (5, 6)
    with Image.open(io.BytesIO(bytes(data))) as image:
        image.load()
        assert (header.width, header.height) == image.size == (40, 32)


def test_cut_anywhere_is_truncated() -> None:
    data = film(2)
    for end in range(6, len(data)):
        with pytest.raises(TruncatedImage):
            read_header(data[:end])


def test_a_block_of_no_known_kind() -> None:
    data = bytearray(film(1))
    data[13] = 0x77
    with pytest.raises(UndecodableImage):
        read_header(bytes(data[:13]) + b"\x77" + bytes(data[13:]))
