"""Label images: linking against volumes whose answer is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label as connected_parts

from brightfield.images.labels import OverlapMeasure, link_slices, smallest


@pytest.mark.parametrize(
    ("greatest", "dtype"), [(0, np.uint16), (65_535, np.uint16), (65_536, np.uint32)]
)
def test_the_smallest_dtype_that_holds_the_labels(greatest: int, dtype: type) -> None:
    found = smallest(np.array([[0, greatest]], np.int32))
    assert found.dtype == dtype
    assert found.tolist() == [[0, greatest]]


def test_a_negative_label_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        smallest(np.array([[-1]]))


def link_stack(planes: list[np.ndarray], by: OverlapMeasure = "iou") -> list[np.ndarray]:
    """The planes of a volume, each linked with the one before it."""
    linked, following = [np.zeros_like(planes[0])], 1
    for plane in planes:
        new, following = link_slices(linked[-1], plane, first_new=following, by=by)
        linked.append(new)
    return linked[1:]


def test_balls_in_a_stack_become_objects_of_the_volume() -> None:
    z, y, x = np.mgrid[:24, :40, :40]
    centres = [(6, 10, 10), (8, 28, 12), (14, 20, 30), (18, 9, 9)]
    volume = np.zeros((24, 40, 40), np.bool_)
    for cz, cy, cx in centres:
        volume |= (z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 <= 5**2
    planes = [connected_parts(plane).astype(np.int32) for plane in volume]
    linked = np.stack(link_stack(planes, by="smaller"))
    expected = connected_parts(volume, connectivity=1)
    pairs = np.unique(np.stack([linked[volume], expected[volume]]), axis=1)
    assert pairs.shape[1] == len(centres) == len(np.unique(pairs[0])) == len(np.unique(pairs[1]))
    assert linked.dtype == np.int32
    assert sorted(np.unique(linked[volume])) == [1, 2, 3, 4]


def test_an_object_continues_the_one_that_it_overlaps_most() -> None:
    previous = np.array([[1, 1, 1, 2, 2, 0, 0]], np.int32)
    current = np.array([[0, 5, 5, 5, 3, 3, 9]], np.int32)
    # Shares: (1, 5) 2/4, (2, 5) 1/4, (2, 3) 1/3.
    linked, following = link_slices(previous, current, first_new=10, threshold=0.2)
    assert linked.tolist() == [[0, 1, 1, 1, 2, 2, 10]]
    assert following == 11


def test_the_second_best_gets_what_is_left() -> None:
    previous = np.array([[1, 1, 1, 1, 2, 2, 2, 2]], np.int32)
    current = np.array([[0, 4, 4, 4, 4, 6, 6, 0]], np.int32)
    # Shares: (1, 4) 3/5, (2, 6) 2/4, (2, 4) 1/7.
    linked, _ = link_slices(previous, current, first_new=3)
    assert linked.tolist() == [[0, 1, 1, 1, 1, 2, 2, 0]]
    halves = np.array([[4, 4, 4, 6, 0, 0, 0, 0]], np.int32)
    linked, _ = link_slices(previous, halves, first_new=3)
    assert linked.tolist() == [[1, 1, 1, 3, 0, 0, 0, 0]]


def test_the_threshold_and_what_the_overlap_is_measured_against() -> None:
    previous, current = np.ones((1, 10), np.int32), np.zeros((1, 10), np.int32)
    current[0, :2] = 1
    for threshold, by, same in [(0.2, "iou", True), (0.21, "iou", False), (1.0, "smaller", True)]:
        linked, _ = link_slices(previous, current, first_new=2, threshold=threshold, by=by)
        assert (linked[0, 0] == 1) == same


@given(st.lists(arrays(np.int32, (6, 6), elements=st.integers(0, 4)), min_size=2, max_size=4))
def test_linking_renumbers_and_never_merges(planes: list[np.ndarray]) -> None:
    linked = link_stack(planes)
    for plane, new in zip(planes, linked, strict=True):
        pairs = {(int(a), int(b)) for a, b in zip(plane.flat, new.flat, strict=True)}
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
        assert all((a == 0) == (b == 0) for a, b in pairs)
    for before, after in pairwise(linked):
        # A number that both planes have is one of objects that overlap.
        for shared in np.intersect1d(before[before > 0], after[after > 0]):
            assert ((before == shared) & (after == shared)).any()
    numbers = np.unique(np.stack(linked))
    assert numbers[numbers > 0].tolist() == list(range(1, int(numbers.max()) + 1))


def test_planes_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot continue"):
        link_slices(np.zeros((2, 2), np.int32), np.zeros((2, 3), np.int32), first_new=1)


def test_empty_planes() -> None:
    empty = np.zeros((3, 3), np.int32)
    assert [plane.tolist() for plane in link_stack([empty, empty])] == [empty.tolist()] * 2
