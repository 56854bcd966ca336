"""Parts of a resampled field: sampled as in the whole, and placed without gaps."""

from __future__ import annotations

import numpy as np
import pytest

from brightfield.images.picture import Region
from brightfield.images.resample import resize
from brightfield.images.resampled_field import ResampledField
from brightfield.images.tiles import Tiling

FIELD = Region(7, 5, 211, 173)


@pytest.mark.parametrize("scale", [0.13, 0.37, 0.5, 1.0, 1.7, 3.0])
def test_a_part_is_what_the_whole_has_there(scale: float) -> None:
    pixels = np.random.default_rng(0).random((190, 230, 2), np.float32)
    seen = ResampledField.of(FIELD, scale)
    field = pixels[FIELD.y : FIELD.y + FIELD.height, FIELD.x : FIELD.x + FIELD.width]
    whole = resize(field, seen.height, seen.width, "bilinear")
    for part in (Region(0, 0, 9, 11), Region(4, 6, 13, 8), Region(seen.width - 9, 3, 9, 7)):
        source, box = seen.source(part)
        rows = slice(source.y, source.y + source.height)
        taken = pixels[rows, source.x : source.x + source.width]
        found = resize(taken, part.height, part.width, "bilinear", box)
        wanted = whole[part.y : part.y + part.height, part.x : part.x + part.width]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("scale", [0.37, 1.0, 2.3])
def test_tiles_of_what_is_seen_cover_the_field_once(scale: float) -> None:
    seen = ResampledField.of(FIELD, scale)
    count = np.zeros((190, 230), int)
    for tile in map(seen.tile, Tiling((40, 40), 6).tiles(seen.whole)):
        core, read = tile.core, tile.region
        count[core.y : core.y + core.height, core.x : core.x + core.width] += 1
        assert read.x <= core.x and core.x + core.width <= read.x + read.width
    inside = count[FIELD.y : FIELD.y + FIELD.height, FIELD.x : FIELD.x + FIELD.width]
    assert (inside == 1).all()
    assert count.sum() == inside.size


@pytest.mark.parametrize(
    ("scale", "multiple", "size"),
    [
        (0.5, 1, (86, 106)),
        (0.55, 16, (96, 112)),
        (0.5, 16, (86, 106)),
        (0.001, 16, (1, 1)),
        (1, 16, (173, 211)),
    ],
)
def test_sides_are_multiples_where_these_are_near(
    scale: float, multiple: int, size: tuple[int, int]
) -> None:
    seen = ResampledField.of(FIELD, scale, multiple)
    assert (seen.height, seen.width) == size
