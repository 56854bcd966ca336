"""GIF, BMP and WebP against Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

from brightfield.errors import AmbiguousAxes, InvalidParameter, TooManyPixels
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.selection import Selection

MANY = 10**8
CAT = Image.fromarray(skimage.data.chelsea()[:40, :56])


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def frames() -> list[Image.Image]:
    return [Image.fromarray(np.roll(np.asarray(CAT), 9 * i, axis=1)) for i in range(3)]


def film(kind: str, **options: Any) -> bytes:
    first, *others = frames()
    return saved(first, kind, save_all=True, append_images=others, **options)


@pytest.mark.parametrize(
    ("kind", "mode", "options", "codes"),
    [
        ("BMP", "RGB", {}, []),
        ("BMP", "L", {}, []),
        ("BMP", "1", {}, []),
        ("BMP", "P", {}, ["palette_converted"]),
        ("WEBP", "RGB", {"lossless": True}, []),
        ("WEBP", "RGB", {}, []),
        ("GIF", "P", {}, ["palette_converted"]),
        ("GIF", "L", {}, ["palette_converted"]),
    ],
)
def test_equals_pillow(kind: str, mode: str, options: dict[str, Any], codes: list[str]) -> None:
    data = saved(CAT.convert(mode), kind, **options)
    plain = "L" if kind == "BMP" and mode in ("L", "1") else "RGB"
    expected = np.asarray(Image.open(io.BytesIO(data)).convert(plain)).reshape(40, 56, -1)
    found = decode(data, limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels, expected)
    assert [note.code for note in found.notes] == codes


def test_alpha_of_webp_is_dropped_and_the_colours_kept() -> None:
    image = CAT.copy()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    found = decode(saved(image, "WEBP", lossless=True, exact=True), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels, np.asarray(CAT))
    assert [note.code for note in found.notes] == ["alpha_dropped"]


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True})])
def test_frames_are_pages(kind: str, options: dict[str, Any]) -> None:
    data = film(kind, **options)
    with pytest.raises(AmbiguousAxes, match=r"3 pages; add page=0 \(0 to 2\)"):
        decode(data, limits=Limits(MANY))
    for page in range(3):
        with Image.open(io.BytesIO(data)) as image:
            image.seek(page)
            expected = np.asarray(image.convert("RGB"))
        found = decode(data, Selection(page=page), limits=Limits(MANY))
        np.testing.assert_array_equal(found.pixels, expected)
        assert found.source_axes == "PYXS"


def test_frames_may_be_named_as_time() -> None:
    data = film("WEBP", lossless=True)
    found = decode(data, Selection(axes="TYXC", t=2), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels, np.asarray(frames()[2]))


def test_frames_are_no_channels() -> None:
    with pytest.raises(InvalidParameter, match="one at a time"):
        decode(film("GIF"), Selection(axes="CYXS"), limits=Limits(MANY))


def test_earlier_frames_count() -> None:
    data = film("GIF")
    assert decode(data, Selection(page=0), limits=Limits(2 * 40 * 56)).width == 56
    with pytest.raises(TooManyPixels):
        decode(data, Selection(page=2), limits=Limits(2 * 40 * 56))


@pytest.mark.parametrize("kind", ["BMP", "GIF", "WEBP"])
def test_pillows_own_limit_holds(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(CAT, kind)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40 * 56 - 1)
    with pytest.raises(TooManyPixels):
        decode(data, limits=Limits(MANY))


def test_orientation_of_webp() -> None:
    exif = Image.Exif()
    exif[274] = 8
    found = decode(saved(CAT, "WEBP", lossless=True, exif=exif), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels, np.rot90(np.asarray(CAT)))
