"""Maps put together from tiles, against slices and Pillow's resizing of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from brightfield.errors import TooManyPixels
from brightfield.geometry import Axis, Geometry
from brightfield.images.picture import Region
from brightfield.images.tiles import Tiling
from brightfield.tasks.objects import maps
from brightfield.tasks.objects.maps import Field

WHOLE = np.random.default_rng(0).random((2, 70, 90)).astype(np.float32)
REGION = Region(5, 8, 70, 50)


def place(part: Region) -> tuple[slice, slice, slice]:
    rows, columns = slice(part.y, part.y + part.height), slice(part.x, part.x + part.width)
    return slice(None), rows, columns


def geometry(part: Region) -> Geometry:
    return Geometry(Axis.of(90, part.x, part.width), Axis.of(70, part.y, part.height))


@pytest.mark.parametrize("blended", [False, True])
@pytest.mark.parametrize("padding", [0, 3])
def test_tiles_of_one_map_give_it_back(blended: bool, padding: int) -> None:
    field = Field(REGION, 2)
    for tile in Tiling((30, 26), 5, blended=blended).tiles(REGION):
        seen = geometry(tile.region)
        values = WHOLE[place(tile.region)]
        if padding:
            values = np.pad(values, ((0, 0), (0, padding), (0, padding)))
            seen = seen.windowed(0, 0, *values.shape[1:])
        field.put(values, seen, tile)
    assert np.allclose(field.values(), WHOLE[place(REGION)], atol=1e-6)
    assert np.array_equal(field.values(), field.values())  # asked twice, divided once


def test_coarse_maps_are_interpolated_as_the_whole_is() -> None:
    region = Region(0, 0, 88, 64)
    coarse = WHOLE[:, :16, :22]
    field = Field(region, 2)
    for tile in Tiling((32, 40), 4, aligned=4).tiles(region):
        part = tile.region
        cells = coarse[
            :, part.y // 4 : (part.y + part.height) // 4, part.x // 4 : (part.x + part.width) // 4
        ]
        field.put(cells, geometry(part), tile)
    whole = Geometry(Axis.of(88, 0, 88), Axis.of(64, 0, 64))
    for found, values in zip(field.values(), coarse, strict=True):
        assert np.allclose(found, whole.to_image(values), atol=1e-6)


def test_maps_beyond_the_memory_are_refused_before_they_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(maps, "_MOST_VALUES", 2 * 70 * 50 - 1)
    with pytest.raises(TooManyPixels, match="2 maps over 70 x 50"):
        Field(REGION, 2)
