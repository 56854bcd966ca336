"""ImageJ's regions as roifile reads them back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from roifile import ROI_TYPE, ImagejRoi

from brightfield.images.annotations.roi import archive, regions
from brightfield.images.contours import ObjectOutline, Polygon, trace
from brightfield.images.objects import Box, Object, ObjectSource, measure
from brightfield.images.placement import FieldPlacement
from brightfield.images.plane_address import PLAIN, PlaneAddress
from tests.toys.rasterize import rasterize

SOURCE = ObjectSource(7, 6, "ab" * 32, "nuclei@1")
COLORS = ((0, 114, 178), (230, 159, 0))


def found_in(labels: np.ndarray) -> tuple[Object, ...]:
    measured = measure(labels, np.zeros((*labels.shape, 1), np.uint8))
    return measured.objects(["a", "b"], np.arange(len(measured)) % 2)


def zipped(
    objects: Sequence[Object],
    outlines: Mapping[int, ObjectOutline],
    address: PlaneAddress = PLAIN,
) -> dict[str, ImagejRoi]:
    source = replace(SOURCE, address=address)
    return read(archive(regions(objects, outlines, source, COLORS.__getitem__)))


def read(data: bytes) -> dict[str, ImagejRoi]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: ImagejRoi.frombytes(file.read(name)) for name in file.namelist()}


def filled(region: ImagejRoi, shape: tuple[int, int]) -> np.ndarray:
    """The pixels of a region: of a composite by the even-odd rule, as ImageJ fills it."""
    exterior, *others = region.coordinates(multi=True)
    return rasterize({1: [Polygon(exterior, tuple(others))]}, shape) > 0


@given(arrays(np.int32, (6, 7), elements=st.integers(0, 3)))
def test_the_regions_give_the_labels_back(labels: np.ndarray) -> None:
    found = zipped(found_in(labels), trace(labels))
    assert len(found) == len(np.setdiff1d(labels, [0]))
    for name, region in found.items():
        label = int(name.removesuffix(".roi").split("-")[1])
        np.testing.assert_array_equal(filled(region, labels.shape), labels == label)


def test_kinds_names_colours_and_planes() -> None:
    labels = np.array([[1, 1, 0, 2, 0, 2]], np.int32)
    found = [*found_in(labels), Object(9, "a/b", 1, Box(0.5, 1, 2.25, 3))]
    plain, parts, box = zipped(found, trace(labels)).values()
    assert (plain.name, parts.name, box.name) == ("a-1", "b-2", "a_b-9")
    assert plain.roitype == ROI_TYPE.TRACED
    assert plain.coordinates().tolist() == [[0, 0], [2, 0], [2, 1], [0, 1]]
    assert parts.composite
    assert (parts.left, parts.top, parts.right, parts.bottom) == (3, 0, 6, 1)
    assert (box.xd, box.yd, box.widthd, box.heightd) == (0.5, 1, 1.75, 2)
    assert (plain.position, plain.z_position) == (0, 0)
    assert plain.hexcolor(plain.stroke_color) == "#0072b2"
    assert box.hexcolor(box.stroke_color) == "#e69f00"


def test_coordinates_beyond_15_bits_are_exact() -> None:
    ring = np.array([(70_000, 40_000), (70_003, 40_000), (70_003, 40_002), (70_000, 40_002)])
    object_ = Object(1, "a", 0, Box(70_000, 40_000, 70_003, 40_002))
    (region,) = zipped([object_], {1: (Polygon(ring),)}).values()
    (points,) = region.coordinates(multi=True)
    np.testing.assert_array_equal(points[:-1], ring)


def test_names_are_unique_and_safe() -> None:
    objects = [
        Object(1, label, 0, Box(0, 0, 1, 1)) for label in ("a", "A", "a", "../x", "\U0001f9a0")
    ]
    names = list(zipped(objects, {}))
    assert names == ["a-1.roi", "A-1-2.roi", "a-1-3.roi", ".._x-1.roi", "_-1.roi"]


@pytest.mark.parametrize(
    ("address", "name", "position"),
    [
        (PlaneAddress(z=0, axes="ZYX"), "a-1-z1", (1, 0, 0, 0)),
        (PlaneAddress(page=3, axes="PYX"), "a-1-z4", (4, 0, 0, 0)),
        (PlaneAddress(t=2, axes="TYXS"), "a-1-t3", (3, 0, 0, 0)),
        (PlaneAddress(channels=(1,), axes="CYX"), "a-1", (2, 0, 0, 0)),
        (PlaneAddress(z=1, t=2, axes="TZYX"), "a-1-z2-t3", (0, 0, 2, 3)),
        (PlaneAddress(z=1, channels=(2,), axes="ZCYX"), "a-1-z2", (0, 3, 2, 0)),
        (PlaneAddress(z=1, channels=(0, 2), axes="ZCYX"), "a-1-z2", (0, 0, 2, 0)),
        (PlaneAddress(page=1, axes="YX"), "a-1", (0, 0, 0, 0)),  # an image of several in the file
    ],
)
def test_a_region_lies_in_its_plane(
    address: PlaneAddress, name: str, position: tuple[int, ...]
) -> None:
    (region,) = zipped([Object(1, "a", 0, Box(0, 0, 1, 1))], {}, address).values()
    assert region.name == name
    found = (region.position, region.c_position, region.z_position, region.t_position)
    assert found == position


@pytest.mark.parametrize("offset", [(30, 12), (0.25, 0.5), (-40, -7.5), (60_000, 0)])
def test_placed_regions_cover_what_is_placed(offset: tuple[float, float]) -> None:
    labels = np.array([[1, 1, 0, 2], [1, 0, 0, 2], [1, 1, 0, 2]], np.int32)
    placement = FieldPlacement(offset, 4)
    objects = [placement.moved(found) for found in found_in(labels)]
    found = zipped(objects, placement.outlines(trace(labels)))
    for region, plain in zip(found.values(), trace(labels).values(), strict=True):
        ring, expected = region.coordinates(multi=True)[0], plain[0].exterior * 4 + offset
        np.testing.assert_allclose(ring[: len(expected)], expected)


def test_no_objects() -> None:
    assert zipped([], {}) == {}
