"""Any bytes at all: a picture or a `BrightfieldError`, nothing else."""

from __future__ import annotations

import hashlib
import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pytest
import skimage.data
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from brightfield.errors import (
    AmbiguousAxes,
    BrightfieldError,
    EmptyBody,
    TooManyPixels,
    TruncatedImage,
    UndecodableImage,
    UnknownFormat,
)
from brightfield.images.decode import decode, describe, stack
from brightfield.images.limits import Limits
from brightfield.images.selection import Selection

CAT = np.ascontiguousarray(skimage.data.chelsea()[40:72, 60:100])
MANY = 10**6


def by_pillow(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(CAT).convert(mode).save(file, kind, **options)
    return file.getvalue()


def by_tifffile(array: np.ndarray[Any, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def film(kind: str) -> bytes:
    file = io.BytesIO()
    other = Image.fromarray(CAT[::-1].copy())
    Image.fromarray(CAT).save(file, kind, save_all=True, append_images=[other])
    return file.getvalue()


def array() -> bytes:
    file = io.BytesIO()
    np.save(file, CAT)
    return file.getvalue()


@cache
def files() -> dict[str, bytes]:
    stack = np.stack([CAT[..., 0]] * 3).astype(np.uint16)
    return {
        "jpeg": by_pillow("JPEG"),
        "jpeg progressive": by_pillow("JPEG", progressive=True),
        "jpeg cmyk": by_pillow("JPEG", "CMYK"),
        "png": by_pillow("PNG"),
        "png palette": by_pillow("PNG", "P"),
        "png film": film("PNG"),
        "bmp": by_pillow("BMP"),
        "gif": by_pillow("GIF", "P"),
        "gif film": film("GIF"),
        "webp": by_pillow("WEBP"),
        "webp film": film("WEBP"),
        "tiff": by_tifffile(CAT, photometric="rgb"),
        "tiff lzw": by_tifffile(CAT, photometric="rgb", compression="lzw", tile=(16, 16)),
        "tiff jpeg": by_tifffile(CAT, photometric="rgb", compression="jpeg"),
        "tiff ome": by_tifffile(stack, ome=True, metadata={"axes": "ZYX"}),
        "tiff imagej": by_tifffile(stack, imagej=True, metadata={"axes": "ZYX"}),
        "npy": array(),
    }


PLAIN = ["jpeg", "jpeg progressive", "jpeg cmyk", "png", "png palette", "gif", "bmp", "webp", "npy"]


@pytest.mark.parametrize("name", PLAIN)
def test_every_cut_is_truncated(name: str) -> None:
    data = files()[name]
    for end in (*range(2, len(data) - 40, 23), *range(max(2, len(data) - 40), len(data))):
        with pytest.raises(TruncatedImage):
            decode(data[:end], limits=Limits(MANY))


def check(body: bytes, selection: Selection) -> None:
    try:
        found = decode(body, selection, limits=Limits(MANY))
    except BrightfieldError as fault:
        assert fault.status in (400, 413, 415, 422)
        assert fault.detail.endswith(".")
        assert "/" not in fault.detail.replace("http://", "")
    else:
        assert found.pixels.ndim == 3
        assert found.pixels.size


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(files())),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    cut=st.none() | st.floats(0, 1),
    index=st.none() | st.integers(0, 3),
)
def test_damage_never_escapes(
    name: str, flips: list[tuple[float, int]], cut: float | None, index: int | None
) -> None:
    data = bytearray(files()[name])
    for place, value in flips:
        # Half of the damage goes to the first bytes, where the headers are.
        span = len(data) if value % 2 else min(len(data), 256)
        data[int(place * span)] = value
    body = bytes(data if cut is None else data[: int(cut * len(data))])
    # Recorded, because a warning turned into an error would pass for damage.
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        check(body, Selection(page=index, z=index))
    assert warned == []


@settings(max_examples=100, deadline=None)
@given(
    start=st.sampled_from([data[:24] for data in files().values()]), rest=st.binary(max_size=300)
)
def test_noise_behind_a_signature_never_escapes(start: bytes, rest: bytes) -> None:
    with pytest.raises(BrightfieldError):
        decode(start + rest, limits=Limits(MANY))


@pytest.mark.parametrize("name", sorted(files()))
def test_facts_and_limit(name: str) -> None:
    data = files()[name]
    selection = Selection(page=0 if "film" in name else None, z=0 if "ZYX" in name else None)
    if name in ("tiff ome", "tiff imagej"):
        selection = Selection(z=1)
    found = decode(data, selection, limits=Limits(32 * 40))
    assert (found.height, found.width) == (32, 40)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.format == name.split(maxsplit=1)[0]
    with pytest.raises(TooManyPixels):
        decode(data, selection, limits=Limits(32 * 40 - 1))


@pytest.mark.parametrize("name", sorted(files()))
def test_describe_knows_the_size(name: str) -> None:
    found = describe(files()[name])
    assert (found.format, found.width, found.height) == (name.split(maxsplit=1)[0], 40, 32)


def test_threads_do_not_meet() -> None:
    alone = {name: decode(files()[name], limits=Limits(MANY)).pixels for name in PLAIN}
    with ThreadPoolExecutor(4) as pool:
        names = PLAIN * 6
        together = pool.map(lambda name: decode(files()[name], limits=Limits(MANY)).pixels, names)
        for name, pixels in zip(names, together, strict=True):
            np.testing.assert_array_equal(pixels, alone[name])


def test_nothing_is_left_of_a_librarys_own_words() -> None:
    damaged = bytearray(files()["tiff"])
    damaged[4:8] = (len(damaged) - 2).to_bytes(4, "little")
    with pytest.raises((UndecodableImage, TruncatedImage)) as caught:
        decode(bytes(damaged), limits=Limits(MANY))
    assert "Error" not in caught.value.detail


def test_damaged_exif_is_no_reason_to_refuse_or_warn() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = by_pillow("JPEG", exif=exif.tobytes()[:-9])
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert decode(data, limits=Limits(MANY)).format == "jpeg"
    assert warned == []


def test_an_empty_body_and_text() -> None:
    with pytest.raises(EmptyBody):
        decode(b"", limits=Limits(MANY))
    with pytest.raises(UnknownFormat):
        decode(b"dear service, what is in this image?", limits=Limits(MANY))


def test_pixels_that_need_no_change_are_not_copied() -> None:
    body = array()
    assert np.shares_memory(
        decode(body, limits=Limits(MANY)).pixels, np.frombuffer(body, dtype=np.uint8)
    )


class TestStacks:
    """A selection for each plane, without decoding any."""

    def test_depth_is_taken_plane_by_plane(self) -> None:
        planes = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
        body = by_tifffile(planes, imagej=True, metadata={"axes": "ZYX"})
        found = stack(body, Selection(orientation="ignore"), limits=Limits(30))
        assert [selection.z for selection in found] == [0, 1, 2, 3]
        for selection, plane in zip(found, planes, strict=True):
            assert selection.orientation == "ignore"
            picture = decode(body, selection, limits=Limits(30))
            assert np.array_equal(picture.pixels[..., 0], plane)

    def test_pages_count_as_depth(self) -> None:
        body = by_tifffile(np.zeros((3, 5, 6), np.uint8), photometric="minisblack")
        assert [selection.page for selection in stack(body, Selection(), limits=Limits(30))] == [
            0, 1, 2,
        ]  # fmt: skip

    def test_a_plane_is_a_stack_of_one(self) -> None:
        body = by_tifffile(np.zeros((4, 5, 6), np.uint16), imagej=True, metadata={"axes": "ZYX"})
        chosen = Selection(z=2)
        assert stack(body, chosen, limits=Limits(30)) == (chosen,)
        assert stack(by_pillow("PNG"), Selection(), limits=Limits(10**6)) == (Selection(),)

    @pytest.mark.parametrize(("axes", "depth", "other"), [("TZYX", "z", "t"), ("TYX", "t", "t")])
    def test_what_else_is_open_is_asked_for(self, axes: str, depth: str, other: str) -> None:
        shape = (3, 4, 5, 6)[-len(axes) :]
        body = by_tifffile(np.zeros(shape, np.uint16), imagej=True, metadata={"axes": axes})
        with pytest.raises(AmbiguousAxes, match=rf"add {other}=0 \(0 to") as raised:
            stack(body, Selection(), limits=Limits(30))
        assert [error["location"] for error in raised.value.errors] == [other]
        assert raised.value.missing.keys() == {other}

    def test_an_array_needs_the_names_of_its_axes(self) -> None:
        buffer = io.BytesIO()
        np.save(buffer, np.zeros((4, 5, 6), np.uint8))
        with pytest.raises(AmbiguousAxes, match="axes=ZYX"):
            stack(buffer.getvalue(), Selection(), limits=Limits(30))
        found = stack(buffer.getvalue(), Selection(axes="ZYX"), limits=Limits(30))
        assert [selection.z for selection in found] == [0, 1, 2, 3]
