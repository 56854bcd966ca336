"""How a field is cut: by size, reach and speed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from brightfield.cards import ModelCard
from brightfield.engine.tiling.tiler import Tiler
from brightfield.errors import InvalidParameter
from brightfield.images.picture import Region
from brightfield.models.loading.input_sizes import ANY_SIZE, InputSizes, LengthRange
from brightfield.runtime.operations import Forward
from brightfield.tasks.segment import Segment

from ...toys.engines import Bench


class Sizes:
    """What warming up would have measured."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds

    def seconds_per_row(self, operation: Any, shape: Any) -> float | None:
        return self.seconds


def cutter(
    reach: int | None,
    seconds: float | None = 0.001,
    task: Segment | None = None,
    sizes: InputSizes = ANY_SIZE,
    **spec: Any,
) -> Tiler:
    card = ModelCard.model_validate(
        {
            "id": "x", "version": "1", "task": "segment", "licence": "-",
            "architecture": {"name": "-"}, "input": spec,
        }
    )  # fmt: skip
    resident: Any = SimpleNamespace(
        card=card,
        cut=None,
        scores=None,
        shape=(3, 256, 256),
        sizes=Sizes(seconds),
        reach=lambda: reach,
        input_sizes=sizes,
    )
    return Tiler(task or Segment(), resident, Forward())


def field(height: int, width: int) -> Region:
    return Region(0, 0, width, height)


class TestWhetherItFits:
    def test_small_ones_do(self) -> None:
        assert cutter(10).fits(field(1024, 1280))
        assert not cutter(10).fits(field(1024, 1281))
        assert cutter(10).fits(field(3, 10_000))

    def test_a_size_of_the_models_own_takes_any(self) -> None:
        for spec in ({"size": (64, 64)}, {"resize": {"short": 50}}, {"crop": 50}):
            assert cutter(10, **spec).fits(field(5000, 5000))
        assert not cutter(10, size={"multiple": 32}).fits(field(5000, 5000))

    def test_a_tile_that_is_asked_for_counts_alone(self) -> None:
        asked = cutter(10, task=Segment(tile=(200, 300)))
        assert asked.fits(field(200, 300))
        assert not asked.fits(field(201, 300))

    def test_a_slow_model_is_cut_earlier_but_only_where_that_changes_nothing(self) -> None:
        assert not cutter(18, seconds=1.0).fits(field(700, 900))
        assert cutter(18, seconds=1.0).fits(field(192, 250))
        assert cutter(None, seconds=1.0).fits(field(700, 900))
        # Tiles that are mostly halo would make it slower.
        assert cutter(121, seconds=1.0).fits(field(1000, 1200))


class TestTiles:
    def test_the_halo_is_the_reach(self) -> None:
        tiling, notes = cutter(18).tiling(field(4096, 4096))
        assert (tiling.size, tiling.halo, tiling.blended, notes) == ((1024, 1024), 18, False, ())
        assert tiling.aligned % 32 == 0  # strides that no card tells of fall on their pixels
        tiling, _ = cutter(18, size={"multiple": 48}).tiling(field(4096, 4096))
        assert tiling.aligned == 96

    @pytest.mark.parametrize(
        ("reach", "seconds", "side"),
        [(18, 0.015, 1024), (18, 0.05, 572), (18, 9, 192), (121, 9, 968)],
    )
    def test_slow_models_get_smaller_tiles(self, reach: int, seconds: float, side: int) -> None:
        tiling, _ = cutter(reach, seconds).tiling(field(4096, 4096))
        assert tiling.size == (side, side)

    def test_a_wide_reach_makes_larger_ones(self) -> None:
        tiling, notes = cutter(300).tiling(field(4096, 4096))
        assert (tiling.size, tiling.halo, notes) == ((1200, 1200), 300, ())

    @pytest.mark.parametrize("reach", [None, 321])
    def test_beyond_that_neighbours_are_blended(self, reach: int | None) -> None:
        tiling, (note,) = cutter(reach).tiling(field(4096, 4096))
        assert (tiling.halo, tiling.blended, note.code) == (128, True, "tiles_blended")
        assert "farther than a tile" in note.detail

    def test_unless_larger_tiles_or_a_wider_overlap_are_asked_for(self) -> None:
        for task in (Segment(tile=1296), Segment(overlap=864), Segment(tile=(1300, 2000))):
            tiling, notes = cutter(432, task=task).tiling(field(9000, 9000))
            assert (tiling.halo, tiling.blended, notes) == (432, False, ())
        for task in (Segment(tile=1295), Segment(overlap=863), Segment(tile=(1290, 2000))):
            assert cutter(432, task=task).tiling(field(9000, 9000))[0].blended

    def test_blended_tiles_do_not_depend_on_the_machine(self) -> None:
        for seconds in (0.001, 9, None):
            for asked in (cutter(None, seconds), cutter(50, seconds, Segment(overlap=60))):
                assert asked.tiling(field(4096, 4096))[0].size == (1024, 1024)

    def test_a_tile_that_the_reach_would_fill_is_blended(self) -> None:
        exact, notes = cutter(20, task=Segment(tile=60)).tiling(field(500, 500))
        assert (exact.halo, exact.blended, notes) == (20, False, ())
        tight, (note,) = cutter(20, task=Segment(tile=59)).tiling(field(500, 500))
        assert (tight.halo, tight.blended) == (7, True)
        assert "looks 20 pixels far" in note.detail

    def test_an_overlap_that_is_asked_for_counts(self) -> None:
        for overlap, halo, blended in ((40, 20, False), (39, 20, False), (38, 19, True)):
            tiling, _ = cutter(20, task=Segment(tile=200, overlap=overlap)).tiling(field(500, 500))
            assert (tiling.halo, tiling.blended) == (halo, blended)
        wide, _ = cutter(20, task=Segment(overlap=3000)).tiling(field(9000, 9000))
        assert (wide.size, wide.halo) == ((6000, 6000), 1500)
        with pytest.raises(InvalidParameter, match="overlap smaller"):
            cutter(20, task=Segment(tile=64, overlap=64)).tiling(field(500, 500))


def test_a_model_that_does_not_run_on_strips_has_no_reach(bench: Bench) -> None:
    async def traced(model: str) -> int | None:
        async with bench.engine.registry.use(model) as resident:
            return resident.reach()

    assert asyncio.run(traced("bright")) == 0
    assert asyncio.run(traced("everywhere")) is None
    assert asyncio.run(traced("bare")) is None  # one vector, no maps
    assert asyncio.run(traced("raw")) is None  # its code fails on anything but two channels


def test_tiles_keep_within_the_bounds_of_a_program() -> None:
    bounds = InputSizes(height=LengthRange(8, 200), width=LengthRange(8, 160))
    found = cutter(reach=8, sizes=bounds)
    assert found.fits(field(128, 128)) and not found.fits(field(129, 170))
    tiling, _ = found.tiling(field(300, 500))
    regions = [tile.region for tile in tiling.tiles(field(300, 500))]
    assert max(max(region.width, region.height) for region in regions) <= 160
