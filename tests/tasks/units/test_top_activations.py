"""The gallery against a search through everything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from brightfield.models.inspection.receptive import ReceptiveField
from brightfield.tasks.units.top_activations import Peak, TopActivations

Maps = NDArray[np.float32]


def field(height: int, width: int, side: int = 3) -> ReceptiveField:
    """Of a kernel of `side` with padding, clipped at the borders."""
    rows, cols = (
        np.array([(max(0, i - side // 2), min(n, i + side // 2 + 1)) for i in range(n)])
        for n in (height, width)
    )
    return ReceptiveField(rows, cols, (height, width))


def brute_force(images: list[Maps], fields: list[ReceptiveField], unit: int, k: int) -> list[Peak]:
    """Every value of every image, the greatest first; greedily, what no better one has taken."""
    every = [
        Peak(float(maps[unit, y, x]), index, y, x)
        for index, maps in enumerate(images)
        for y in range(maps.shape[1])
        for x in range(maps.shape[2])
        if np.isfinite(maps[unit, y, x])
        and (maps[unit].size == 1 or maps[unit, y, x] > np.nanmin(maps[unit]))
    ]
    found: list[Peak] = []
    for one in sorted(every, key=lambda f: (-f.value, f.image, f.row, f.column)):
        if not any(covers(fields[one.image], other, one) for other in found):
            found.append(one)
    return found[:k]


def covers(seen: ReceptiveField, better: Peak, worse: Peak) -> bool:
    def inside(spans: Any, i: int, j: int) -> bool:
        return bool(i == j or spans[i][0] <= sum(spans[j]) / 2 < spans[i][1])

    return (
        better.image == worse.image
        and inside(seen.rows, better.row, worse.row)
        and inside(seen.cols, better.column, worse.column)
    )


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    k=st.integers(1, 5),
    side=st.sampled_from([1, 3, 5]),
    levels=st.sampled_from([3, 50]),
)
def test_it_finds_what_a_search_through_everything_finds(
    seed: int, k: int, side: int, levels: int
) -> None:
    """Few levels make ties."""
    random = np.random.default_rng(seed)
    sizes = [(int(random.integers(1, 8)), int(random.integers(1, 8))) for _ in range(4)]
    images = [random.integers(0, levels, (3, *size)).astype(np.float32) for size in sizes]
    fields = [field(*size, side) for size in sizes]
    gallery = TopActivations(k)
    for index, (maps, seen) in enumerate(zip(images, fields, strict=True)):
        gallery.add(index, maps, seen)
    for unit in range(3):
        assert gallery.peaks_of(unit) == brute_force(images, fields, unit, k)


def test_a_silent_unit_has_no_patches_and_is_not_chosen() -> None:
    maps = np.zeros((3, 4, 4), np.float32)
    maps[1, 2, 3], maps[2, 0, 0], maps[2, 3, 3] = 5, 4, 3
    gallery = TopActivations(2)
    gallery.add(0, maps, field(4, 4))
    assert gallery.peaks_of(0) == []
    assert gallery.peaks_of(2) == [Peak(4, 0, 0, 0), Peak(3, 0, 3, 3)]
    assert gallery.best(3) == [2, 1]  # by the sum of what they have
    assert gallery.best(1) == [2]


def test_values_that_are_not_finite_do_not_count() -> None:
    maps = np.array([[[np.nan, 1.0, 0.5], [np.inf, -np.inf, 0.0]]], np.float32)
    gallery = TopActivations(1)
    gallery.add(7, maps, field(2, 3, 1))
    assert gallery.peaks_of(0) == [Peak(1.0, 7, 0, 1)]
    empty = TopActivations(1)
    empty.add(0, np.full((1, 2, 2), np.nan, np.float32), field(2, 2))
    assert (empty.peaks_of(0), empty.best(4)) == ([], [])


def test_where_every_place_sees_everything_an_image_has_one_patch() -> None:
    maps = np.random.default_rng(0).random((1, 5, 5)).astype(np.float32)
    gallery = TopActivations(4)
    everywhere = ReceptiveField.everything((5, 5), (20, 20))
    gallery.add(0, maps, everywhere)
    gallery.add(1, maps + 1, everywhere)
    assert [found.image for found in gallery.peaks_of(0)] == [1, 0]


def test_memory_does_not_grow_with_the_images() -> None:
    gallery, random = TopActivations(3), np.random.default_rng(0)
    sizes = set()
    for index in range(20):
        gallery.add(index, random.random((8, 6, 6)).astype(np.float32), field(6, 6))
        sizes.add((gallery._values.nbytes, gallery._places.nbytes))
    assert sizes == {(8 * 3 * 4, 8 * 3 * 3 * 8)}


@pytest.mark.parametrize("value", [0.0, -2.0])
def test_a_flat_unit_counts_whatever_its_value(value: float) -> None:
    gallery = TopActivations(2)
    gallery.add(0, np.full((1, 1, 1), value, np.float32), field(1, 1))
    assert gallery.peaks_of(0) == [Peak(value, 0, 0, 0)]


def test_an_image_has_so_many_patches_at_most() -> None:
    seen = field(6, 6)
    maps = [np.full((1, 6, 6), level, np.float32) for level in (0, 0, 0)]
    maps[0][0, 0, 0], maps[0][0, 5, 5], maps[1][0, 2, 2] = 9, 8, 7
    found = {}
    for most in (1, 2):
        gallery = TopActivations(3, most)
        for index, each in enumerate(maps):
            gallery.add(index, each, seen)
        found[most] = [(peak.image, peak.value) for peak in gallery.peaks_of(0)]
    assert found == {1: [(0, 9.0), (1, 7.0)], 2: [(0, 9.0), (0, 8.0), (1, 7.0)]}
