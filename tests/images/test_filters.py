"""Filters as pictures, pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter
from brightfield.images.filters import FilterChoice, Filters


def filters(weights: Any, total: tuple[int, int] | None = None, **more: Any) -> Filters:
    array = np.asarray(weights, np.float32)
    shape = total or (array.shape[0], array.shape[1])
    return Filters("conv", "Conv2d", array, shape, (0, 0), **more)


def cell(picture: NDArray[Any], row: int, column: int, kernel: int, zoom: int) -> NDArray[Any]:
    """One pixel per weight of a cell."""
    step = kernel * zoom + 2
    top, left = 2 + row * step + zoom // 2, 2 + column * step + zoom // 2
    return picture[top : top + kernel * zoom : zoom, left : left + kernel * zoom : zoom]


def test_a_colour_filter_runs_from_black_over_grey_to_white_by_its_own_range() -> None:
    weights = np.zeros((5, 3, 1, 1))
    weights[1, :, 0, 0] = [2, -2, 0]
    weights[2, :, 0, 0] = [0.01, 0, -0.005]
    found = filters(weights)
    picture = found.image()
    step = 120 + 2
    middles = [picture[2 + 60, 2 + 60 + column * step] for column in range(3)]
    assert [color.tolist() for color in middles] == [[128] * 3, [255, 0, 128], [255, 128, 64]]
    assert picture.shape == (2 + 2 * step, 2 + 3 * step, 3)  # five in three columns
    assert (picture[-20, -20] == 255).all()  # the sixth cell is paper
    np.testing.assert_allclose(found.ranges, [0, 2, 0.01, 0, 0])
    turned = filters(weights, bgr=True).image()
    assert turned[2 + 60, 2 + 60 + step].tolist() == [128, 0, 255]


def test_a_grey_filter_is_grey() -> None:
    picture = filters([[[[1.0, -1.0], [0.0, 0.5]]]]).image()
    zoom = 120 // 2
    assert cell(picture, 0, 0, 2, zoom)[..., 0].tolist() == [[255, 0], [128, 191]]


def test_higher_filters_have_a_row_each_and_a_cell_per_slice() -> None:
    weights = np.arange(2 * 4 * 3 * 3).reshape(2, 4, 3, 3) - 20.0
    picture = filters(weights).image()
    assert picture.shape == (2 + 2 * 17, 2 + 4 * 17, 1)
    for row in range(2):
        top = np.abs(weights[row]).max()
        for column in range(4):
            expected = np.rint(127.5 + 127.5 * weights[row, column].astype(np.float32) / top)
            found = cell(picture, row, column, 3, 5)[..., 0]
            np.testing.assert_allclose(found, expected, atol=1)


def test_what_is_not_finite_is_grey_and_null() -> None:
    found = filters([[[[np.nan, 1.0]]], [[[np.inf, np.nan]]]])
    assert found.image().dtype == np.uint8
    assert found.payload("input")["ranges"] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("choice", "picture", "expected"),
    [
        ({}, False, ((0, 200), (0, 300))),
        ({}, True, ((0, 64), (0, 64))),
        ({"first": 190, "first_slice": 299}, True, ((190, 200), (299, 300))),
        ({"count": 3, "slices": 1000}, False, ((0, 3), (0, 300))),
    ],
)
def test_the_choice_ends_where_the_layer_does(
    choice: dict[str, int], picture: bool, expected: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    spans = FilterChoice(**choice).spans(200, 300, picture=picture)
    assert tuple((span.start, span.stop) for span in spans) == expected


def test_what_is_not_there_or_too_much_is_refused() -> None:
    with pytest.raises(InvalidParameter, match=r"first=200.* at most 199"):
        FilterChoice(first=200).spans(200, 3, picture=True)
    with pytest.raises(InvalidParameter, match="4096 slices of filters at most, not 20000"):
        FilterChoice(count=200, slices=100).spans(200, 300, picture=True)
