"""Sliding windows against brute force."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brightfield.errors import InvalidParameter
from brightfield.images.windows import Border, accumulate, positions, window_grid, winners


@st.composite
def axes(draw: st.DrawFn) -> tuple[int, int, int]:
    length = draw(st.integers(1, 60))
    window = draw(st.integers(1, length))
    return length, window, draw(st.integers(1, window))


@settings(deadline=None)
@given(axes())
def test_shift_covers_everything_with_whole_windows(axis: tuple[int, int, int]) -> None:
    length, window, stride = axis
    spans = positions(length, window, stride, "shift")
    assert all(stop - start == window for start, stop in spans)
    assert {i for span in spans for i in range(*span)} == set(range(length))
    assert [start for start, _ in spans[:-1]] == [i * stride for i in range(len(spans) - 1)]


@settings(deadline=None)
@given(axes())
def test_cut_is_captums_rule(axis: tuple[int, int, int]) -> None:
    length, window, stride = axis
    spans = positions(length, window, stride, "cut")
    assert len(spans) == math.ceil((length - window) / stride) + 1
    assert spans == tuple((i * stride, min(i * stride + window, length)) for i in range(len(spans)))
    assert spans[-1][1] == length


@settings(deadline=None)
@given(axes())
def test_drop_keeps_every_whole_window(axis: tuple[int, int, int]) -> None:
    length, window, stride = axis
    starts = range(0, length - window + 1, stride)
    assert positions(length, window, stride, "drop") == tuple((s, s + window) for s in starts)


@pytest.mark.parametrize("border", ["shift", "cut", "drop"])
def test_a_window_longer_than_the_axis(border: Border) -> None:
    with pytest.raises(InvalidParameter, match="11 pixels is larger than the image's 10"):
        positions(10, 11, 1, border)


def brute_force(rows: Any, cols: Any, height: int, width: int, values: Any) -> Any:
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for (top, bottom), line in zip(rows, values, strict=True):
        for (left, right), value in zip(cols, line, strict=True):
            total[top:bottom, left:right] += value
            count[top:bottom, left:right] += 1
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


@settings(deadline=None)
@given(axes(), axes(), st.sampled_from(["shift", "cut", "drop"]), st.integers(0, 2**32 - 1))
def test_the_map_is_the_mean_of_the_windows(
    down: tuple[int, int, int], across: tuple[int, int, int], border: Border, seed: int
) -> None:
    size, window, stride = zip(down, across, strict=True)
    grid = window_grid(size, window, stride, border)
    values = np.random.default_rng(seed).normal(size=(len(grid.rows), len(grid.cols)))
    expected = brute_force(grid.rows, grid.cols, down[0], across[0], values)
    found = accumulate(grid, values)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert (found[expected == 0] == 0).all()


def test_uncovered_pixels_are_zero() -> None:
    grid = window_grid((5, 7), (2, 3), (2, 3), "drop")
    found = accumulate(grid, np.ones((2, 2)))
    assert not found[4].any()
    assert not found[:, 6].any()
    assert (found[:4, :6] == 1).all()


def test_a_window_without_a_score_spoils_only_its_own_pixels() -> None:
    grid = window_grid((6, 8), (2, 4), (2, 2), "shift")
    values = np.ones((len(grid.rows), len(grid.cols)))
    values[1, 2] = np.nan
    values[0, 0] = np.inf
    found = accumulate(grid, values)
    spoiled = np.zeros((6, 8), bool)
    spoiled[2:4, 4:8] = spoiled[0:2, 0:4] = True
    np.testing.assert_array_equal(np.isnan(found), spoiled)
    assert (found[~spoiled] == 1).all()


def test_the_winner_has_the_greatest_mean() -> None:
    grid = window_grid((8, 9), (4, 4), (2, 3), "shift")
    values = np.random.default_rng(0).random((3, len(grid.rows), len(grid.cols)))
    maps = np.stack([accumulate(grid, each) for each in values])
    np.testing.assert_array_equal(winners(grid, values, 0.0), maps.argmax(axis=0))
    assert (winners(grid, values, 2.0) == -1).all()


def test_people_are_told_size_and_step() -> None:
    sliding = window_grid((100, 90), (40, 30), (20, 15), "shift")
    assert sliding.told == "windows of 30 x 40 pixels, one every 20"
    assert sliding.covered == (0, 0, 90, 100)
    assert window_grid((100, 90), (40, 30), (80, 70), "drop").told == "windows of 30 x 40 pixels"
