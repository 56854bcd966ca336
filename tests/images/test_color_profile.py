"""ICC profiles, as Pillow reads and writes them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from brightfield.images import encode
from brightfield.images.color_profile import color_profile, profile_notes
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.sniff import sniff

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# As large as those of printers are, so JPEG cuts it into parts.
LARGE = PROFILE + bytes(150_000)
PIXELS = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)


def saved(kind: str, profile: bytes | None, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(PIXELS).convert(mode)
    image.save(buffer, kind, **({} if profile is None else {"icc_profile": profile}))
    return buffer.getvalue()


@pytest.mark.parametrize("profile", [PROFILE, LARGE, None], ids=["small", "large", "none"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_each_format(kind: str, profile: bytes | None) -> None:
    data = saved(kind, profile)
    assert decode(data, limits=Limits(10_000)).profile == profile


def test_a_profile_of_other_colours_is_none() -> None:
    assert decode(saved("JPEG", PROFILE, "L"), limits=Limits(10_000)).profile is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_damaged_profiles_are_none(kind: str) -> None:
    data = saved(kind, PROFILE)
    found = data.index({"PNG": b"iCCP", "JPEG": b"ICC_PROFILE", "WEBP": b"ICCP"}[kind])
    for cut in range(found, found + 60, 7):
        assert color_profile(data[:cut], sniff(data), 3) is None
    assert color_profile(data[: found + 30] + b"\xff" * 90, sniff(data), 3) is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("write", [encode.png, lambda p, **more: encode.tiff(p, "YXS", **more)])
def test_what_is_written_has_it(write: Any, dtype: Any) -> None:
    data = write(PIXELS.astype(dtype), profile=PROFILE)
    found = decode(data, limits=Limits(10_000))
    assert found.profile == PROFILE
    np.testing.assert_array_equal(found.pixels, PIXELS)
    if dtype == np.uint8:
        assert Image.open(io.BytesIO(data)).info["icc_profile"] == PROFILE


def swapped(profile: bytes) -> bytes:
    """The profile with red for green."""
    return profile.replace(b"rXYZ", b"swap").replace(b"gXYZ", b"rXYZ").replace(b"swap", b"gXYZ")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_colours_that_are_not_those_of_srgb_are_noted(kind: str) -> None:
    foreign, usual = (
        decode(saved(kind, profile), limits=Limits(10_000))
        for profile in (swapped(PROFILE), PROFILE)
    )
    assert [note.code for note in foreign.notes] == ["color_profile_unused"]
    assert usual.notes == ()
    np.testing.assert_array_equal(foreign.pixels, usual.pixels)  # as they are stored


def test_a_profile_that_cannot_be_read_is_passed_over() -> None:
    assert profile_notes(PROFILE[:200] + bytes(len(PROFILE) - 200)) == ()
