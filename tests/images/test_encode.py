"""Files read back by Pillow, OpenCV, tifffile and numpy."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from brightfield.images.decode import decode
from brightfield.images.encode import npy, png, tiff
from brightfield.images.limits import Limits
from brightfield.images.selection import Selection


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3), (9, 7, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_is_lossless(shape: tuple[int, ...], dtype: type[np.unsignedinteger]) -> None:
    limit = np.iinfo(dtype).max + 1
    pixels = np.random.default_rng(0).integers(0, limit, shape).astype(dtype)
    data = png(pixels)
    found = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))
    if shape[2:] == (1,):
        pixels = pixels[..., 0]
    if found.ndim == 3:
        found = found[..., [2, 1, 0, 3][: found.shape[2]]]
    np.testing.assert_array_equal(found, pixels)
    if dtype == np.uint8:
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)


def test_png_of_a_turned_view() -> None:
    pixels = np.arange(9 * 7 * 3, dtype=np.uint16).reshape(9, 7, 3)[::-1, ::2]
    np.testing.assert_array_equal(decode(png(pixels), limits=Limits(100)).pixels, pixels)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.uint8)])
def test_png_refuses_what_it_cannot_hold(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="PNG holds"):
        png(wrong)


@pytest.mark.parametrize(
    ("axes", "shape"), [("YX", (9, 7)), ("CYX", (5, 9, 7)), ("ZYX", (5, 9, 7)), ("YXS", (9, 7, 3))]
)
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4", "f8", "i2"])
@pytest.mark.parametrize("size", [None, 0.25, 10.0])
def test_tiff_comes_back(axes: str, shape: tuple[int, ...], dtype: str, size: float | None) -> None:
    array = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    data = tiff(array, axes, size)
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        np.testing.assert_array_equal(tif.series[0].asarray(), array)
        assert tif.series[0].axes == axes
    plane = None if axes != "ZYX" else 3
    found = decode(data, Selection(z=plane), limits=Limits(10**4))
    assert found.pixel_size == (None if size is None else pytest.approx(size, rel=1e-3))


def test_tiff_of_axes_out_of_imagejs_order() -> None:
    array = np.arange(2 * 3 * 9 * 7, dtype=np.uint16).reshape(2, 3, 9, 7)
    found = decode(tiff(array, "CZYX", 0.5), Selection(z=2), limits=Limits(10**4))
    np.testing.assert_array_equal(found.pixels, array[:, 2].transpose(1, 2, 0))
    assert found.pixel_size == pytest.approx(0.5)


def test_imagej_reads_the_unit() -> None:
    data = tiff(np.zeros((3, 9, 7), np.uint16), "ZYX", 0.5)
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        assert tif.is_imagej
        assert tif.imagej_metadata is not None
        assert (tif.imagej_metadata["unit"], tif.imagej_metadata["slices"]) == ("um", 3)
        numerator, denominator = tif.pages.first.tags["XResolution"].value
        assert numerator / denominator == pytest.approx(2)


def test_npy_comes_back() -> None:
    array = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    np.testing.assert_array_equal(np.load(io.BytesIO(npy(array))), array)
    with pytest.raises(ValueError, match="Object arrays"):
        npy(np.array([{}]))


FACTS = {"Target": "Tumour: Ω/µ", "Method": "grad_cam"}


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_png_says_what_it_shows(dtype: str) -> None:
    pixels = np.arange(12, dtype=dtype).reshape(3, 4)
    data = png(pixels, FACTS)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.text == FACTS  # type: ignore[attr-defined]
    np.testing.assert_array_equal(decode(data, limits=Limits(100)).pixels[..., 0], pixels)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4"])
@pytest.mark.parametrize("axes", ["YX", "ZYX"])
def test_tiff_says_what_it_is_as_imagej_does(dtype: str, axes: str) -> None:
    shape = (4, 5)[-2:] if axes == "YX" else (3, 4, 5)
    data = tiff(np.ones(shape, dtype), axes, 0.25, 2.0, (100.0, -20.5), FACTS)
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        said = tif.imagej_metadata
        assert said is not None and tif.series[0].axes == axes
    assert (said["unit"], said["xorigin"], said["yorigin"]) == ("um", -100.0, 20.5)
    assert said["method"] == "grad_cam" and said["target"] == r"Tumour: \u03a9/\xb5"
    found = decode(data, Selection(z=2 if axes == "ZYX" else None), limits=Limits(100))
    assert (found.pixel_size, found.spacing) == (pytest.approx(0.25), 2.0)


def test_tiff_of_other_types_says_it_as_json() -> None:
    data = tiff(np.ones((4, 5), "f8"), "YX", 0.25, facts=FACTS)
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        said = tif.shaped_metadata
        assert said is not None and said[0]["target"] == FACTS["Target"]
