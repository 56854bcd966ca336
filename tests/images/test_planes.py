"""Choosing a plane of named axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from brightfield.errors import AmbiguousAxes, InvalidParameter
from brightfield.images.planes import choose, take
from brightfield.images.selection import Selection


def stack(*shape: int) -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape)).reshape(shape)


def plane(axes: str, array: np.ndarray[Any, Any], /, **chosen: Any) -> np.ndarray[Any, Any]:
    selection = Selection.model_validate(chosen)
    return np.asarray(take(array, choose(axes, array.shape, selection)))


def test_two_dimensions_are_one_channel() -> None:
    array = stack(3, 4)
    np.testing.assert_array_equal(plane("YX", array), array[..., None])


def test_channels_go_last_and_all_are_kept() -> None:
    array = stack(5, 3, 4)
    np.testing.assert_array_equal(plane("CYX", array), array.transpose(1, 2, 0))


def test_rows_and_columns_may_come_in_any_order() -> None:
    array = stack(4, 2, 3)
    np.testing.assert_array_equal(plane("XCY", array), array.transpose(2, 0, 1))


def test_time_depth_and_channels_are_picked() -> None:
    array = stack(2, 3, 4, 5, 6)
    found = plane("TZCYX", array, t=1, z=2, channels="3,0")
    np.testing.assert_array_equal(found, array[1, 2, [3, 0]].transpose(1, 2, 0))


def test_channels_of_colour_images_are_counted_through() -> None:
    array = stack(2, 4, 5, 3)
    flat = array.transpose(1, 2, 0, 3).reshape(4, 5, 6)
    np.testing.assert_array_equal(plane("CYXS", array), flat)
    np.testing.assert_array_equal(plane("CYXS", array, channels="5,1"), flat[..., [5, 1]])


def test_axes_of_length_one_are_dropped() -> None:
    array = stack(1, 1, 3, 4, 1)
    np.testing.assert_array_equal(plane("TZYXS", array), array[0, 0])


def test_unknown_axes_are_pages_in_file_order() -> None:
    array = stack(2, 3, 4, 5)
    np.testing.assert_array_equal(plane("QIYX", array, page=4)[..., 0], array[1, 1])


def test_names_may_leave_out_axes_of_length_one() -> None:
    array = stack(1, 3, 4, 5)
    np.testing.assert_array_equal(plane("QQYX", array, axes="ZYX", z=2)[..., 0], array[0, 2])


@pytest.mark.parametrize(
    ("axes", "shape", "chosen", "says"),
    [
        ("ZYX", (5, 3, 4), {}, "add z=0 (0 to 4)"),
        ("TZYX", (2, 5, 3, 4), {"z": 1}, "add t=0 (0 to 1)"),
        ("TZYX", (2, 5, 3, 4), {}, "add z=0 (0 to 4) and t=0 (0 to 1)"),
        ("QYX", (6, 3, 4), {}, "add page=0 (0 to 5), or name the axes, for example axes=ZYX"),
    ],
)
def test_what_is_not_known_is_asked_for(
    axes: str, shape: tuple[int, ...], chosen: dict[str, int], says: str
) -> None:
    with pytest.raises(AmbiguousAxes) as caught:
        plane(axes, stack(*shape), **chosen)
    assert says in caught.value.detail
    assert caught.value.errors


def test_the_advice_resolves_what_it_was_given_for() -> None:
    array = stack(6, 3, 4)
    with pytest.raises(AmbiguousAxes) as caught:
        plane("QYX", array)
    chosen = {str(error["location"]): 0 for error in caught.value.errors}
    np.testing.assert_array_equal(plane("QYX", array, **chosen)[..., 0], array[0])


@pytest.mark.parametrize(
    ("axes", "shape", "chosen", "says"),
    [
        ("ZYX", (5, 3, 4), {"z": 5}, "z=0 to z=4"),
        ("YX", (3, 4), {"z": 1}, "leave z out"),
        ("YX", (3, 4), {"page": 2}, "leave page out"),
        ("YXS", (3, 4, 3), {"channels": "3"}, "0 to 2"),
        ("YX", (3, 4), {"channels": "0,1"}, "leave channels out"),
        ("QYX", (5, 3, 4), {"axes": "YX"}, "names 2 axes, but the image has 3"),
    ],
)
def test_what_does_not_fit_is_refused(
    axes: str, shape: tuple[int, ...], chosen: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidParameter, match=says):
        plane(axes, stack(*shape), **chosen)


def test_nothing_to_choose_is_fine_when_it_is_zero() -> None:
    array = stack(3, 4)
    chosen = plane("YX", array, page=0, z=0, t=0, channels="0")
    np.testing.assert_array_equal(chosen[..., 0], array)
