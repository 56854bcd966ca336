"""Feature maps in numbers and pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from brightfield.errors import InvalidParameter
from brightfield.geometry import Axis, Geometry
from brightfield.images.objects import Box
from brightfield.models.inspection.receptive import ReceptiveField
from brightfield.tasks.activations import FeatureMaps, ReadActivations
from brightfield.tasks.units.inside import Placed
from brightfield_painting import heatmap


def placed(field: ReceptiveField | None = None) -> Placed:
    """A layer of 2 x 3 places on an input of 8 x 12, which shows 16 x 24 pixels of a larger image
    from (x, y) = (100, 50) on."""
    rows = np.array([[0, 5], [3, 8]])
    cols = np.array([[0, 5], [3, 9], [7, 12]])
    geometry = Geometry(
        Axis(300, 12, 100.0, 2.0, 100.0, 124.0), Axis(200, 8, 50.0, 2.0, 50.0, 66.0)
    )
    return Placed("conv", field or ReceptiveField(rows, cols, (8, 12)), geometry)


MAPS = torch.tensor([[[0.0, 1, 4], [4, 2, 1]], [[-3, -1, -2], [-1, -4, -5]]])[None]


def test_the_greatest_value_its_place_and_what_it_sees() -> None:
    found = ReadActivations(units="7,2").postprocess(MAPS, placed())
    first, second = found.activity
    assert (first.unit, first.max, first.mean, first.place) == (7, 4.0, 2.0, (0, 2))
    # The cell (0, 2) covers x from 8 to 12 and y from 0 to 4 of the input.
    assert first.centre == (100 + 2 * 10, 50 + 2 * 2)
    assert first.box == Box(114.0, 50.0, 124.0, 60.0)
    assert (second.unit, second.max, second.place) == (2, -1.0, (0, 1))
    assert second.box == Box(106.0, 50.0, 118.0, 60.0)


def test_the_result_in_every_format() -> None:
    found = ReadActivations().postprocess(MAPS, placed())
    payload = found.payload("input")
    assert payload["layer"] == "conv"
    assert [unit["unit"] for unit in payload["units"]] == [0, 1]
    assert payload["maps"]["shape"] == [2, 2, 3]
    assert payload["receptive_field"] == {"height": 5, "width": 6, "everywhere": False}
    assert np.array_equal(found.raster("image").array, MAPS[0].numpy())
    assert found.table().rows[0] == (0, 4.0, 2.0, 0, 2, 120.0, 54.0, 114.0, 50.0, 124.0, 60.0)
    assert placed().notes == ()


def test_padding_is_no_part_of_the_box() -> None:
    """The model's input may reach over the image."""
    geometry = Geometry(Axis(10, 12, -1.0, 1.0, 0, 10), Axis(8, 8, 0.0, 1.0, 0, 8))
    whole = Placed("conv", placed().field, geometry)
    assert whole.box(0, 0) == Box(0.0, 0.0, 4.0, 5.0)
    assert whole.box(1, 2) == Box(6.0, 3.0, 10.0, 8.0)


def test_what_is_not_finite_is_null() -> None:
    maps = torch.tensor([[[[float("nan"), 2.0, 1.0]] * 2], [[[float("nan")] * 3] * 2]])
    known, unknown = (
        ReadActivations().postprocess(part[None], placed()).activity[0]
        for part in (maps[0], maps[1])
    )
    assert (known.max, known.mean, known.place) == (2.0, None, (0, 1))
    assert (unknown.max, unknown.mean) == (None, None)


def test_a_layer_that_looks_everywhere_says_so() -> None:
    everywhere = placed(ReceptiveField.everything((2, 3), (8, 12)))
    (note,) = everywhere.notes
    assert note.code == "looks_everywhere"
    assert everywhere.box(1, 1) == Box(100.0, 50.0, 124.0, 66.0)
    assert everywhere.facts()["everywhere"]


def test_a_sheet_shows_each_map_in_its_colours() -> None:
    found = ReadActivations().postprocess(MAPS, placed())
    sheet = found.image()
    expected = heatmap(MAPS[0, 0].numpy(), signed=True)
    for row, column in ((0, 0), (0, 2), (1, 0)):
        pixel = sheet[6 + 18 + row * 37, 6 + 18 + column * 37]
        assert pixel.tolist() == expected[row, column].tolist()


def test_an_overlay_shows_the_part_that_the_model_sees() -> None:
    maps = torch.zeros(1, 1, 2, 3)
    maps[0, 0, 0, 0] = 1
    found = ReadActivations(units="0").postprocess(maps, placed())
    picture = np.full((200, 300, 3), 200, np.uint8)
    picture[50:66, 100:124] = 100
    sheet = found.overlay(picture, 0.5)
    tile = sheet[6 : 6 + 75, 6 : 6 + 112]
    assert tile[60, 90].tolist() == [100, 100, 100]
    assert (tile[5, 5] > 100).any() and (tile[5, 5] < 200).any()


def test_of_many_units_the_strongest_are_shown_and_of_chosen_ones_all() -> None:
    maps = np.zeros((300, 2, 3), np.float32)
    maps[100:200] = 1
    everything = FeatureMaps(placed(), tuple(range(300)), maps, chosen=False)
    assert list(everything._shown()) == list(range(100, 200))
    chosen = FeatureMaps(placed(), tuple(range(300)), maps, chosen=True)
    assert list(chosen._shown()) == list(range(300))
    with pytest.raises(InvalidParameter, match="400 units at most, not 401"):
        FeatureMaps(placed(), tuple(range(401)), np.zeros((401, 2, 3)), chosen=True).image()
