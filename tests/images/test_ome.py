"""OME-XML: which page holds which plane, by the examples of the OME model's documentation."""

from __future__ import annotations

import numpy as np
import pytest

from brightfield.images.ome import ome_stacks
from brightfield.images.stack import ABSENT


def xml(blocks: str, order: str = "XYZCT", more: str = "", before: str = "") -> str:
    return (
        f'{before}<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="{order}" Type="uint8" '
        f'SizeX="8" SizeY="6" SizeZ="3" SizeC="2" SizeT="1" {more}>{blocks}</Pixels></Image></OME>'
    )


def test_one_empty_block_takes_all_pages_in_order() -> None:
    (stack,) = ome_stacks(xml("<TiffData/>"), 6)
    assert stack.axes == "TCZ"
    np.testing.assert_array_equal(stack.numbers, np.arange(6).reshape(1, 2, 3))


def test_blocks_place_single_pages() -> None:
    blocks = '<TiffData IFD="4" FirstZ="2" FirstC="1"/><TiffData IFD="0" FirstZ="1" FirstC="0"/>'
    (stack,) = ome_stacks(xml(blocks), 5)
    assert stack.numbers[0, 1, 2] == 4
    assert stack.numbers[0, 0, 1] == 0
    assert (stack.numbers == ABSENT).sum() == 4


def test_a_block_may_hold_several_planes_along_the_order() -> None:
    (stack,) = ome_stacks(xml('<TiffData IFD="1" PlaneCount="4" FirstC="1"/>', "XYCZT"), 9)
    assert stack.axes == "TZC"
    expected = [[ABSENT, 1], [2, 3], [4, ABSENT]]
    np.testing.assert_array_equal(stack.numbers[0], expected)


def test_pages_that_the_file_does_not_have_are_absent() -> None:
    (stack,) = ome_stacks(xml("<TiffData/>"), 4)
    assert (stack.numbers.ravel() == [0, 1, 2, 3, ABSENT, ABSENT]).all()


@pytest.mark.parametrize(("unit", "size"), [("", 0.5), ('PhysicalSize{}Unit="nm"', 0.0005)])
def test_pixel_size(unit: str, size: float) -> None:
    more = " ".join(f'PhysicalSize{axis}="0.5" {unit.format(axis)}' for axis in "XY")
    assert ome_stacks(xml("<TiffData/>", more=more), 6)[0].pixel_size == pytest.approx(size)


def test_entities_are_not_expanded() -> None:
    laughs = '<!DOCTYPE OME [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    with pytest.raises(ValueError, match="entities"):
        ome_stacks(xml("<TiffData/>&b;", before=laughs), 6)
