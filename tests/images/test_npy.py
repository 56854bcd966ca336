"""Arrays as numpy.save writes them."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest

from brightfield.errors import (
    AmbiguousAxes,
    PickledArray,
    TooManyPixels,
    TruncatedImage,
    UndecodableImage,
)
from brightfield.images.channels import ReadingNeeds
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.selection import Selection

MANY = 10**8


def saved(array: np.ndarray[Any, Any], version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


def header(text: str) -> bytes:
    body = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


def ramp(*shape: int, dtype: str = "u2") -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize(
    "dtype", ["u1", "u2", "u4", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">u2", ">f4", ">i8"]
)
def test_values_and_type_are_kept(dtype: str) -> None:
    array = ramp(5, 7, dtype=dtype)
    found = decode(saved(array), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels[..., 0], array)
    assert found.pixels.dtype == np.dtype(dtype).newbyteorder("=")
    assert found.raw is not None
    np.testing.assert_array_equal(found.raw, array)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_and_order(version: tuple[int, int]) -> None:
    array = np.asfortranarray(ramp(4, 6, 3))
    found = decode(saved(array, version), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels, array)


def test_bool_becomes_0_and_255() -> None:
    array = ramp(4, 5) % 3 == 0
    found = decode(saved(array), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels[..., 0], np.where(array, 255, 0))
    assert found.raw is not None
    assert found.raw.dtype == np.bool_


def test_four_channels_are_rgba_unless_named() -> None:
    array = ramp(4, 5, 4, dtype="u1")
    dropped = decode(saved(array), limits=Limits(MANY))
    np.testing.assert_array_equal(dropped.pixels, array[..., :3])
    assert [note.code for note in dropped.notes] == ["alpha_dropped"]
    kept = decode(saved(array), Selection(axes="YXC"), limits=Limits(MANY))
    np.testing.assert_array_equal(kept.pixels, array)


@pytest.mark.parametrize(
    "shape",
    [
        (3, 8, 9),
        (8, 9, 2),
        (8, 2, 9),
        (5, 8, 9, 3),
        (2, 5, 8, 9),
        (4, 2, 5, 8, 9),
        (6, 4, 2, 5, 8, 9),
        (1, 5, 8, 9),
    ],
)
def test_other_shapes_need_axes_and_the_error_names_some_that_fit(
    shape: tuple[int, ...],
) -> None:
    file = saved(ramp(*shape))
    with pytest.raises(AmbiguousAxes) as fault:
        decode(file, limits=Limits(MANY))
    advised = re.findall(r"axes=(\w+)", fault.value.detail)
    for axes in advised:
        names = {"T": "t", "Z": "z", "P": "page"}
        chosen = {names[name]: 0 for name in axes if name in names}
        found = decode(file, Selection(axes=axes, **chosen), limits=Limits(MANY))
        assert found.pixels.shape[:2] == (8, 9)
    assert advised


def test_too_many_axes_have_no_names() -> None:
    with pytest.raises(AmbiguousAxes, match="send one plane"):
        decode(saved(ramp(2, 2, 2, 2, 2, 2, 2)), limits=Limits(MANY))


@pytest.mark.parametrize("shape", [(1, 8, 9), (8, 9, 1), (8, 1, 9), (1, 1, 8, 9)])
def test_axes_of_length_1_have_nothing_to_choose(shape: tuple[int, ...]) -> None:
    array = ramp(*shape)
    found = decode(saved(array), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels[..., 0], array.reshape(8, 9))


def test_axes_resolve_a_stack() -> None:
    array = ramp(2, 3, 8, 9)
    chosen = Selection.model_validate({"axes": "ZCYX", "z": 1, "channels": "2,0"})
    found = decode(saved(array), chosen, limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels, array[1, [2, 0]].transpose(1, 2, 0))


def test_raw_models_take_channels_first() -> None:
    array = ramp(5, 8, 9, dtype="f4")
    found = decode(saved(array), limits=Limits(MANY), needs=ReadingNeeds(raw=True))
    np.testing.assert_array_equal(found.pixels, array.transpose(1, 2, 0))
    assert found.raw is not None
    np.testing.assert_array_equal(found.raw, array)


def test_objects_are_never_unpickled() -> None:
    with pytest.raises(PickledArray):
        decode(saved(np.array([[{}, 1], [2, 3]], dtype=object)), limits=Limits(MANY))
    with pytest.raises(PickledArray):
        decode(saved(np.zeros((2, 2), [("a", "O"), ("b", "f4")])), limits=Limits(MANY))


@pytest.mark.parametrize("dtype", ["c8", "U3", "S3", "M8[s]", "m8[s]", [("a", "f4")], "V4"])
def test_what_is_no_number_is_refused(dtype: Any) -> None:
    with pytest.raises(UndecodableImage):
        decode(saved(np.zeros((4, 5), dtype)), limits=Limits(MANY))


@pytest.mark.parametrize("shape", ["()", "(5,)", "(0, 4)", "(-3, 4)", "(4, 5.0)", "4"])
def test_what_is_no_image_is_refused(shape: str) -> None:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    with pytest.raises(UndecodableImage):
        decode(header(text) + bytes(64), limits=Limits(MANY))


def test_the_header_is_believed_before_anything_is_allocated() -> None:
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    with pytest.raises(TooManyPixels):
        decode(header(text) + bytes(64), limits=Limits(MANY))


def test_cut_anywhere_is_truncated() -> None:
    data = saved(ramp(5, 7))
    for end in range(6, len(data)):
        with pytest.raises(TruncatedImage):
            decode(data[:end], limits=Limits(MANY))


def test_non_finite_values_are_kept_and_told() -> None:
    array = np.array([[0, np.nan], [np.inf, 1]], np.float32)
    found = decode(saved(array), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels[..., 0], array)
    assert [note.code for note in found.notes] == ["non_finite_pixels"]
    assert found.notes[0].detail.startswith("2 values")


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<u2', 'fortran_order': False, 'shape': (5L, 7L), }",  # as Python 2 wrote it
        '{"shape": (5, 7), "fortran_order": False, "descr": "<u2"}',
        "{'descr':'<u2','fortran_order':False,'shape':(5,7)}",
    ],
)
def test_headers_of_other_writers(text: str) -> None:
    array = ramp(5, 7)
    data = header(text) + array.astype("<u2").tobytes()
    found = decode(data, limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels[..., 0], array)


def test_axes_of_length_1_need_no_name_and_leave_none() -> None:
    array = ramp(1, 3, 8, 9)
    found = decode(saved(array), Selection(axes="ZYX", z=1), limits=Limits(MANY))
    np.testing.assert_array_equal(found.pixels[..., 0], array[0, 1])
    assert found.source_axes == "ZYX"
