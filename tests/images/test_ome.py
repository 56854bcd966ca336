"""OME-XML: which page holds which plane, by the examples of the OME model's documentation."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from brightfield.errors import UndecodableImage
from brightfield.images.ome import ome_stack
from brightfield.images.ome_xml import read_ome_xml
from brightfield.images.stack import ABSENT, Pages, Stack


def xml(blocks: str, order: str = "XYZCT", more: str = "", before: str = "") -> str:
    return (
        f'{before}<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="{order}" Type="uint8" '
        f'SizeX="8" SizeY="6" SizeZ="3" SizeC="2" SizeT="1" {more}>{blocks}</Pixels></Image></OME>'
    )


def stack_of(text: str, pages: int) -> Stack:
    (image,) = read_ome_xml(text.encode())
    return ome_stack(image, pages)


def numbers(stack: Stack) -> Pages:
    """The page of every plane."""
    return stack.numbers((None,) * len(stack.shape))


def test_one_empty_block_takes_all_pages_in_order() -> None:
    stack = stack_of(xml("<TiffData/>"), 6)
    assert stack.axes == "TCZ"
    np.testing.assert_array_equal(numbers(stack), np.arange(6).reshape(1, 2, 3))


def test_blocks_place_single_pages() -> None:
    blocks = '<TiffData IFD="4" FirstZ="2" FirstC="1"/><TiffData IFD="0" FirstZ="1" FirstC="0"/>'
    stack = stack_of(xml(blocks), 5)
    assert numbers(stack)[0, 1, 2] == 4
    assert numbers(stack)[0, 0, 1] == 0
    assert (numbers(stack) == ABSENT).sum() == 4


def test_a_block_may_hold_several_planes_along_the_order() -> None:
    stack = stack_of(xml('<TiffData IFD="1" PlaneCount="4" FirstC="1"/>', "XYCZT"), 9)
    assert stack.axes == "TZC"
    expected = [[ABSENT, 1], [2, 3], [4, ABSENT]]
    np.testing.assert_array_equal(numbers(stack)[0], expected)


def test_pages_that_the_file_does_not_have_are_absent() -> None:
    stack = stack_of(xml("<TiffData/>"), 4)
    assert (numbers(stack).ravel() == [0, 1, 2, 3, ABSENT, ABSENT]).all()


@pytest.mark.parametrize(
    ("unit", "size"),
    [("", 0.5), ('PhysicalSize{}Unit="nm"', 0.0005), ('PhysicalSize{}Unit="thou"', 12.7)],
)
def test_pixel_size_and_depth(unit: str, size: float) -> None:
    more = " ".join(f'PhysicalSize{axis}="0.5" {unit.format(axis)}' for axis in "XYZ")
    found = stack_of(xml("<TiffData/>", more=more), 6).calibration
    assert (found.pixel_size, found.spacing) == (pytest.approx(size), pytest.approx(size))


def test_entities_are_not_expanded() -> None:
    laughs = '<!DOCTYPE OME [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    with pytest.raises(ValueError, match="entities"):
        stack_of(xml("<TiffData/>&b;", before=laughs), 6)


def test_planes_that_no_file_has_take_no_memory() -> None:
    text = xml('<TiffData IFD="1" FirstZ="7"/>').replace('SizeZ="3"', f'SizeZ="{2**30}"')
    stack = stack_of(text, 2)
    tracemalloc.start()
    try:
        found = [int(stack.numbers((0, 0, z)).item()) for z in (7, 8, 2**30 - 1)]
        assert tracemalloc.get_traced_memory()[1] < 1 << 16
    finally:
        tracemalloc.stop()
    assert found == [1, ABSENT, ABSENT]


def test_a_later_block_counts_where_two_overlap() -> None:
    blocks = '<TiffData IFD="0" PlaneCount="3"/><TiffData IFD="4" FirstZ="1"/>'
    np.testing.assert_array_equal(numbers(stack_of(xml(blocks), 5))[0, 0], [0, 4, 2])


@pytest.mark.parametrize(
    ("part", "count"),
    [("<a>", 100), ("<a/>", 400_000), (" ", 33 << 20), ("<Image><Pixels/></Image>", 10)],
)
def test_more_than_any_file_needs_is_refused(part: str, count: int) -> None:
    with pytest.raises((UndecodableImage, KeyError)):
        read_ome_xml(f"<OME>{part * count}</OME>".encode())
