"""JPEG against Pillow, and cut short in every way."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
import pytest
import simplejpeg
import skimage.data
from PIL import Image

from brightfield.errors import TruncatedImage, UndecodableImage
from brightfield.images.decode import decode
from brightfield.images.jpeg import read_header
from brightfield.images.limits import Limits
from brightfield.images.selection import Selection

MANY = 10**8


def saved(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


CAT = Image.fromarray(skimage.data.chelsea())


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True])
def test_equals_pillow(mode: str, progressive: bool) -> None:
    data = saved(CAT.convert(mode), progressive=progressive)
    expected = np.asarray(Image.open(io.BytesIO(data))).reshape(300, 451, -1)
    found = decode(data, limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels, expected)
    assert (found.format, found.notes) == ("jpeg", ())


def test_inks_are_converted_as_pillow_does_with_a_note() -> None:
    data = saved(CAT.convert("CMYK"))
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    found = decode(data, limits=Limits(MANY))
    assert np.abs(found.pixels - expected).max() <= 1
    assert [note.code for note in found.notes] == ["cmyk_converted"]


def test_ycck_is_read() -> None:
    inks = 255 - np.asarray(CAT.convert("CMYK"))
    data = imagecodecs.jpeg_encode(inks, level=95, colorspace="cmyk", outcolorspace="ycck")
    found = decode(bytes(data), limits=Limits(MANY)).pixels.astype(int)
    assert np.abs(found - np.asarray(CAT.convert("CMYK").convert("RGB"))).mean() < 3


def test_twelve_bits_keep_their_counts() -> None:
    ramp = np.tile(np.linspace(0, 4095, 64).astype(np.uint16), (48, 1))
    data = bytes(imagecodecs.jpeg_encode(ramp, level=99, bitspersample=12))
    found = decode(data, limits=Limits(MANY)).pixels
    assert found.dtype == np.uint16
    assert np.abs(found[..., 0].astype(int) - ramp).max() < 64


@pytest.mark.parametrize("tag", range(1, 9))
def test_orientation_is_applied_unless_ignored(tag: int) -> None:
    exif = Image.Exif()
    exif[274] = tag
    data = saved(CAT, exif=exif.tobytes())
    shape = (451, 300, 3) if tag >= 5 else (300, 451, 3)
    applied = decode(data, limits=Limits(MANY))
    ignored = decode(data, Selection(orientation="ignore"), limits=Limits(MANY))
    assert (applied.pixels.shape, applied.orientation_applied) == (shape, tag)
    assert (ignored.pixels.shape, ignored.orientation_applied) == ((300, 451, 3), 1)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_cut_anywhere_is_truncated_never_grey(mode: str, progressive: bool) -> None:
    data = saved(CAT.convert(mode), progressive=progressive)
    ends = [*range(2, 700, 37), *np.linspace(700, len(data) - 20, 25).astype(int).tolist()]
    for end in (*ends, *range(len(data) - 20, len(data))):
        with pytest.raises(TruncatedImage):
            decode(data[:end], limits=Limits(MANY))


def test_bytes_behind_the_end_do_no_harm() -> None:
    data = saved(CAT)
    found = decode(data + b"vendor data", limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels, decode(data, limits=Limits(MANY)).pixels)


def test_damaged_but_whole_is_undecodable() -> None:
    data = saved(CAT)
    middle = len(data) // 2
    with pytest.raises(UndecodableImage):
        decode(data[:middle] + b"\xff\xc4\x00\x02" * 8 + data[middle:], limits=Limits(MANY))


def test_the_pixels_are_turbojpegs_own_without_a_copy_or_pillow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, made = saved(CAT), []
    turbo = simplejpeg.decode_jpeg

    def watched(*args: Any, **options: Any) -> Any:
        made.append(turbo(*args, **options))
        return made[-1]

    monkeypatch.setattr(simplejpeg, "decode_jpeg", watched)
    monkeypatch.setattr(Image, "open", None)
    found = decode(data, limits=Limits(MANY)).pixels
    assert len(made) == 1
    assert np.shares_memory(found, made[0])


@pytest.mark.parametrize("options", [{"bitspersample": 12}, {"lossless": True}])
def test_unusual_files_are_not_filled_with_grey_either(options: dict[str, Any]) -> None:
    ramp = np.tile(np.linspace(0, 4095, 64).astype(np.uint16), (48, 1))
    data = bytes(imagecodecs.jpeg_encode(ramp, **options))
    for end in (*range(3, len(data) - 30, 19), *range(len(data) - 30, len(data))):
        with pytest.raises(TruncatedImage):
            decode(data[:end], limits=Limits(MANY))


def test_lossless_jpeg_is_lossless() -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (21, 34), dtype=np.uint16)
    data = bytes(imagecodecs.jpeg_encode(pixels, lossless=True, bitspersample=16))
    np.testing.assert_array_equal(decode(data, limits=Limits(MANY)).pixels[..., 0], pixels)


@pytest.mark.parametrize("shape", ["444", "422", "420", "440", "411"])
def test_every_subsampling(shape: str) -> None:
    data = bytes(imagecodecs.jpeg_encode(np.asarray(CAT), level=95, subsampling=shape))
    expected = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode(data, limits=Limits(MANY)).pixels, expected)


def test_a_thumbnails_end_is_not_the_pictures() -> None:
    exif = b"Exif\x00\x00II*\x00" + saved(CAT.resize((16, 12)))
    data = saved(CAT, exif=exif)
    assert data.index(b"\xff\xd9") < len(exif) + 100
    with pytest.raises(TruncatedImage):
        decode(data[: len(exif) + 300], limits=Limits(MANY))


def test_fill_bytes_before_a_marker_are_skipped_at_once() -> None:
    data = saved(CAT)
    filled = data[:2] + b"\xff" * 20_000_000 + data[2:]
    assert (read_header(filled).width, read_header(filled).height) == (451, 300)
