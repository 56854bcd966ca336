from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from brightfield.errors import InvalidParameter
from brightfield.images.picture import Region
from brightfield.images.tiles import Tile, Tiling

FIELDS = st.builds(
    Region, st.integers(0, 50), st.integers(0, 50), st.integers(1, 200), st.integers(1, 200)
)


@st.composite
def tilings(draw: st.DrawFn, blended: bool = False) -> Tiling:
    halo, aligned = draw(st.integers(0, 20)), draw(st.sampled_from([1, 2, 4, 16]))
    least = 2 * -(-halo // aligned) * aligned + aligned
    size = draw(st.integers(least + 4, 150)), draw(st.integers(least + 4, 150))
    return Tiling(size, halo, aligned, blended)


def place(part: Region, field: Region) -> tuple[slice, slice]:
    y, x = part.y - field.y, part.x - field.x
    return slice(y, y + part.height), slice(x, x + part.width)


@settings(deadline=None)
@given(tilings(), FIELDS)
def test_every_pixel_is_answered_once_by_a_tile_that_saw_around_it(
    tiling: Tiling, field: Region
) -> None:
    answered = np.zeros((field.height, field.width), int)
    tiles = list(tiling.tiles(field))
    assert len(tiles) == tiling.count(field)
    for tile in tiles:
        answered[place(tile.core, field)] += 1
        seen = np.zeros_like(answered)
        seen[place(tile.region, field)] = 1
        y, x = tile.core.y - field.y, tile.core.x - field.x
        around = seen[
            max(0, y - tiling.halo) : y + tile.core.height + tiling.halo,
            max(0, x - tiling.halo) : x + tile.core.width + tiling.halo,
        ]
        assert around.all()
        assert (tile.region.height, tile.region.width) <= (field.height, field.width)
        assert tile.region.height <= tiling.size[0] and tile.region.width <= tiling.size[1]
    assert (answered == 1).all()


@settings(deadline=None)
@given(tilings(), FIELDS)
def test_strides_fall_on_the_same_pixels_as_in_the_whole_field(
    tiling: Tiling, field: Region
) -> None:
    for tile in tiling.tiles(field):
        for part in (tile.region, tile.core):
            assert (part.x - field.x) % tiling.aligned == 0
            assert (part.y - field.y) % tiling.aligned == 0
        # A tile is cut to whole strides, unless it ends where the field does.
        right = tile.region.x + tile.region.width
        assert right == field.x + field.width or tile.region.width % tiling.aligned == 0


@settings(deadline=None)
@given(tilings(blended=True), FIELDS)
def test_the_weights_of_blended_tiles_sum_to_one(tiling: Tiling, field: Region) -> None:
    tiles = list(tiling.tiles(field))
    # Cores narrower than the fade let more than two tiles meet; then the sum is divided out.
    several = [tile.core for tile in tiles if tile.core != field]
    assume(all(min(core.width, core.height) >= 2 * tiling.halo for core in several))
    total = np.zeros((field.height, field.width))
    for tile in tiles:
        assert tile.weights.shape == (tile.region.height, tile.region.width)
        total[place(tile.region, field)] += tile.weights
    assert np.allclose(total, 1, atol=1e-6)


def test_the_fade_is_a_straight_line_across_the_seam() -> None:
    first, second = Tiling((40, 40), 4, blended=True).tiles(Region(0, 0, 60, 40))
    assert (first.core.width, first.region.width, second.region.x) == (32, 36, 28)
    expected = np.clip((36 - (np.arange(60) + 0.5)) / 8, 0, 1)
    assert np.allclose(np.pad(first.weights[0], (0, 24)), expected)
    assert np.allclose(np.pad(second.weights[0], (28, 0)), 1 - expected)


def test_without_blending_a_tile_counts_fully() -> None:
    (tile,) = Tiling((10, 10), 2).tiles(Region(3, 4, 9, 10))
    assert tile == Tile(Region(3, 4, 9, 10), Region(3, 4, 9, 10))
    assert (tile.weights == 1).all()


def test_a_sliver_joins_the_tile_before_it() -> None:
    tiling = Tiling((30, 30), 5)
    assert [tile.core.width for tile in tiling.tiles(Region(0, 0, 65, 5))] == [20, 20, 25]
    assert [tile.core.width for tile in tiling.tiles(Region(0, 0, 66, 5))] == [20, 20, 20, 6]


@pytest.mark.parametrize(("size", "halo", "aligned"), [((8, 100), 4, 1), ((40, 40), 8, 32)])
def test_a_tile_that_its_halo_fills_is_refused(
    size: tuple[int, int], halo: int, aligned: int
) -> None:
    with pytest.raises(InvalidParameter, match="make the tile larger or the overlap smaller"):
        Tiling(size, halo, aligned)
