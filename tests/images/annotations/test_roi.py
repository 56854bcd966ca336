"""ImageJ's regions as roifile reads them back."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from roifile import ROI_TYPE, ImagejRoi

from brightfield.images.annotations.roi import archive, regions, roi_zip
from brightfield.images.contours import Polygon, trace
from brightfield.images.objects import Box, Object, measure
from tests.toys.rasterize import rasterize

COLORS = ((0, 114, 178), (230, 159, 0))


def found_in(labels: np.ndarray) -> tuple[Object, ...]:
    measured = measure(labels, np.zeros((*labels.shape, 1), np.uint8))
    return measured.objects(["a", "b"], np.arange(len(measured)) % 2)


def read(data: bytes) -> dict[str, ImagejRoi]:
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        return {name: ImagejRoi.frombytes(zipped.read(name)) for name in zipped.namelist()}


def filled(region: ImagejRoi, shape: tuple[int, int]) -> np.ndarray:
    """The pixels of a region: of a composite by the even-odd rule, as ImageJ fills it."""
    exterior, *others = region.coordinates(multi=True)
    return rasterize({1: [Polygon(exterior, tuple(others))]}, shape) > 0


@given(arrays(np.int32, (6, 7), elements=st.integers(0, 3)))
def test_the_regions_give_the_labels_back(labels: np.ndarray) -> None:
    found = read(roi_zip(found_in(labels), trace(labels), COLORS.__getitem__))
    assert len(found) == len(np.setdiff1d(labels, [0]))
    for name, region in found.items():
        label = int(name.removesuffix(".roi").split("-")[1])
        np.testing.assert_array_equal(filled(region, labels.shape), labels == label)


def test_kinds_names_colours_and_planes() -> None:
    labels = np.array([[1, 1, 0, 2, 0, 2]], np.int32)
    found = [*found_in(labels), Object(9, "a/b", 1, Box(0.5, 1, 2.25, 3), z=4)]
    plain, parts, box = read(roi_zip(found, trace(labels), COLORS.__getitem__)).values()
    assert (plain.name, parts.name, box.name) == ("a-1", "b-2", "a_b-9-z5")
    assert plain.roitype == ROI_TYPE.TRACED
    assert plain.coordinates().tolist() == [[0, 0], [2, 0], [2, 1], [0, 1]]
    assert parts.composite
    assert (parts.left, parts.top, parts.right, parts.bottom) == (3, 0, 6, 1)
    assert (box.xd, box.yd, box.widthd, box.heightd) == (0.5, 1, 1.75, 2)
    assert (plain.position, box.position) == (0, 5)
    assert plain.hexcolor(plain.stroke_color) == "#0072b2"
    assert box.hexcolor(box.stroke_color) == "#e69f00"


def test_coordinates_beyond_15_bits_are_exact() -> None:
    ring = np.array([(70_000, 40_000), (70_003, 40_000), (70_003, 40_002), (70_000, 40_002)])
    object_ = Object(1, "a", 0, Box(70_000, 40_000, 70_003, 40_002))
    (region,) = read(roi_zip([object_], {1: (Polygon(ring),)}, COLORS.__getitem__)).values()
    (points,) = region.coordinates(multi=True)
    np.testing.assert_array_equal(points[:-1], ring)


def test_names_are_unique_and_safe() -> None:
    objects = [
        Object(1, label, 0, Box(0, 0, 1, 1)) for label in ("a", "A", "a", "../x", "\U0001f9a0")
    ]
    names = list(read(roi_zip(objects, {}, COLORS.__getitem__)))
    assert names == ["a-1.roi", "A-1-2.roi", "a-1-3.roi", ".._x-1.roi", "_-1.roi"]


def test_planes_are_put_one_after_another() -> None:
    planes = [Object(1, "a", 0, Box(0, 0, 1, 1), z=z) for z in range(3)]
    several = [region for plane in planes for region in regions([plane], {}, COLORS.__getitem__)]
    found = read(archive(several))
    assert [region.position for region in found.values()] == [1, 2, 3]
    assert read(archive([])) == {}
