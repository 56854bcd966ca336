"""PNG of every kind, bit for bit."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from brightfield.errors import AmbiguousAxes, TooManyPixels, UndecodableImage
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.selection import Selection

MANY = 10**8
CAT = skimage.data.chelsea()[:40, :56]
CODES = tuple[str, ...]


def saved(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def png(width: int, height: int, depth: int, kind: int, rows: bytes, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + b"".join(chunks) + body + chunk(b"IEND", b"")


def codes(data: bytes) -> CODES:
    return tuple(note.code for note in decode(data, limits=Limits(MANY)).notes)


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3)])
def test_sixteen_bits_are_lossless(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)
    _, data = cv2.imencode(".png", pixels)
    expected = pixels[..., ::-1] if pixels.ndim == 3 else pixels[..., None]
    found = decode(data.tobytes(), limits=Limits(MANY))
    assert found.pixels.dtype == np.uint16
    np.testing.assert_array_equal(found.pixels, expected)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_eight_bits_are_lossless(mode: str) -> None:
    image = Image.fromarray(CAT).convert(mode)
    found = decode(saved(image), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels, np.asarray(image).reshape(40, 56, -1))
    assert found.notes == ()


@pytest.mark.parametrize(("mode", "plain"), [("RGBA", "RGB"), ("LA", "L")])
def test_alpha_is_dropped_and_the_colours_kept(mode: str, plain: str) -> None:
    image = Image.fromarray(CAT).convert(plain)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = saved(image)
    expected = np.asarray(Image.fromarray(CAT).convert(plain)).reshape(40, 56, -1)
    np.testing.assert_array_equal(decode(data, limits=Limits(MANY)).pixels, expected)
    assert codes(data) == ("alpha_dropped",)


def test_palettes_are_looked_up() -> None:
    image = Image.fromarray(CAT).quantize(40)
    expected = np.asarray(image.convert("RGB"))
    plain, transparent = saved(image), saved(image, transparency=5)
    np.testing.assert_array_equal(decode(plain, limits=Limits(MANY)).pixels, expected)
    np.testing.assert_array_equal(decode(transparent, limits=Limits(MANY)).pixels, expected)
    assert codes(plain) == ("palette_converted",)
    assert codes(transparent) == ("palette_converted", "alpha_dropped")


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_span_the_whole_range(depth: int) -> None:
    levels = 2**depth
    values = np.arange(8) % levels
    bits = "".join(f"{value:0{depth}b}" for value in values)
    row = b"\x00" + int(bits, 2).to_bytes(depth, "big")
    found = decode(png(8, 2, depth, 0, row * 2), limits=Limits(MANY)).pixels
    np.testing.assert_array_equal(found[1, :, 0], values * 255 // (levels - 1))


def test_a_header_of_ten_thousand_million_pixels() -> None:
    with pytest.raises(TooManyPixels, match="100000 x 100000"):
        decode(png(100_000, 100_000, 8, 2, b""), limits=Limits(MANY))


@pytest.mark.parametrize("rows", [b"", b"\x00abc", b"\x09" + bytes(12)])
def test_whole_but_with_too_few_or_wrong_rows(rows: bytes) -> None:
    with pytest.raises(UndecodableImage):
        decode(png(4, 4, 8, 2, rows), limits=Limits(MANY))


def test_orientation_in_its_exif_chunk() -> None:
    exif = Image.Exif()
    exif[274] = 6
    found = decode(saved(Image.fromarray(CAT), exif=exif), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels, np.rot90(CAT, -1))


def test_animations_have_pages() -> None:
    frames = [Image.fromarray(np.roll(CAT, 9 * i, axis=1)) for i in range(3)]
    data = saved(frames[0], save_all=True, append_images=frames[1:])
    with pytest.raises(AmbiguousAxes, match="page=0"):
        decode(data, limits=Limits(MANY))
    for page, frame in enumerate(frames):
        found = decode(data, Selection(page=page), limits=Limits(MANY))
        np.testing.assert_array_equal(found.pixels, np.asarray(frame))


@pytest.mark.parametrize("kind", [0, 2])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_transparent_colour_is_alpha(kind: int, depth: int) -> None:
    samples = 3 if kind == 2 else 1
    values = np.arange(4 * 5 * samples).reshape(4, 5, samples).astype(f">u{depth // 8}")
    rows = b"".join(b"\x00" + row.tobytes() for row in values)
    data = png(5, 4, depth, kind, rows, chunk(b"tRNS", b"\x00\x05" * samples))
    np.testing.assert_array_equal(decode(data, limits=Limits(MANY)).pixels, values)
    assert codes(data) == ("alpha_dropped",)


@pytest.mark.parametrize("kind", [0, 2])
@pytest.mark.parametrize("place", ["before", "behind"])
def test_an_invalid_transparent_colour_costs_no_channel(kind: int, place: str) -> None:
    samples = 3 if kind == 2 else 1
    values = np.arange(4 * 5 * samples, dtype=np.uint8).reshape(4, 5, samples)
    rows = b"".join(b"\x00" + row.tobytes() for row in values)
    wrong = chunk(b"tRNS", b"\x00\x05" * 2)  # for no kind of pixels the right length
    data = png(5, 4, 8, kind, rows, *([wrong] if place == "before" else []))
    if place == "behind":
        data = data[:-12] + chunk(b"tRNS", b"\x00\x05" * samples) + data[-12:]
    np.testing.assert_array_equal(decode(data, limits=Limits(MANY)).pixels, values)
    assert codes(data) == ()


def test_the_plain_picture_before_an_animation_is_page_0() -> None:
    frames = [Image.fromarray(np.roll(CAT, 9 * i, axis=1)) for i in range(3)]
    data = saved(frames[0], save_all=True, append_images=frames[1:], default_image=True)
    with pytest.raises(AmbiguousAxes, match=r"3 pages; add page=0 \(0 to 2\)"):
        decode(data, limits=Limits(MANY))
    for page, frame in enumerate(frames):
        found = decode(data, Selection(page=page), limits=Limits(MANY))
        np.testing.assert_array_equal(found.pixels, np.asarray(frame))


def test_an_animation_that_announces_other_frames() -> None:
    frames = [Image.fromarray(np.roll(CAT, 9 * i, axis=1)) for i in range(3)]
    data = bytearray(saved(frames[0], save_all=True, append_images=frames[1:]))
    at = data.index(b"acTL")
    data[at + 4 : at + 8] = struct.pack(">I", 7)
    data[at + 12 : at + 16] = struct.pack(">I", zlib.crc32(data[at : at + 12]))
    with pytest.raises(UndecodableImage, match="announces"):
        decode(bytes(data), Selection(page=0), limits=Limits(MANY))


def test_animations_of_16_bits_are_not_squeezed_into_8() -> None:
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 5, 4, 0, 0, 1, 1, 0, 0))
    more = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 1, 5, 4, 0, 0, 1, 1, 0, 0))
    rows = bytes(4 * 11)
    data = png(5, 4, 16, 0, rows, chunk(b"acTL", struct.pack(">II", 2, 0)), frame)
    data = data[:-12] + more + chunk(b"fdAT", bytes(4) + zlib.compress(rows)) + data[-12:]
    with pytest.raises(UndecodableImage, match="8 bits"):
        decode(data, Selection(page=0), limits=Limits(MANY))


def test_a_damaged_file_leaves_no_memory_behind() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (512, 512, 3), np.uint8)
    data = bytearray(saved(Image.fromarray(noise)))
    data[len(data) // 2] ^= 0xFF

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def refused(times: int) -> int:
        for _ in range(times):
            with pytest.raises(UndecodableImage):
                decode(bytes(data), limits=Limits(10**8))
        return resident()

    before = refused(5)
    assert refused(60) - before < 20 * 2**20  # 60 arrays would be 47 MB
