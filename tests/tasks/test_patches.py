from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from brightfield.images.objects import Box
from brightfield.tasks.patches import FindPatches, Patch, Patches

RED = np.full((4, 6, 3), (255, 0, 0), np.uint8)
BLUE = np.full((4, 6, 3), (0, 0, 255), np.uint8)


def patch(image: int, value: float, gradient: np.ndarray | None = BLUE) -> Patch:
    box = Box(1.0, 2.0, 7.0, 6.0)
    return Patch(image, value, 3, 4, (4.5, 3.5), box, RED, gradient)


FOUND = Patches("conv", {9: [patch(2, 5.0), patch(0, 4.0, None)], 1: []}, "guided")


def test_json_has_the_pictures() -> None:
    payload = FOUND.payload("input")
    assert (payload["layer"], payload["rule"]) == ("conv", "guided")
    nine, one = payload["units"]
    assert (one["unit"], one["patches"]) == (1, [])
    first, second = nine["patches"]
    assert (first["image"], first["value"], first["place"]) == (2, 5.0, [3, 4])
    assert first["box"] == {"xmin": 1.0, "ymin": 2.0, "xmax": 7.0, "ymax": 6.0}
    with Image.open(io.BytesIO(base64.b64decode(first["patch"]["data"]))) as shown:
        assert np.array_equal(np.asarray(shown), RED)
    assert second["guided"] is None


def test_the_table_has_a_row_per_patch() -> None:
    assert FOUND.table().rows == [
        (9, 1, 2, 5.0, 4.5, 3.5, 1.0, 2.0, 7.0, 6.0),
        (9, 2, 0, 4.0, 4.5, 3.5, 1.0, 2.0, 7.0, 6.0),
    ]


def test_the_sheet_has_a_row_per_unit_with_pairs() -> None:
    sheet = FOUND.image()
    red, blue = ((sheet == color).all(axis=2).sum() for color in ((255, 0, 0), (0, 0, 255)))
    assert red == 2 * blue == 2 * 96 * 64
    x = np.nonzero((sheet == (255, 0, 0)).all(axis=2))[1]
    y = np.nonzero((sheet == (0, 0, 255)).all(axis=2))[1]
    assert y.min() == x.min() + 97  # beside each other


def test_too_many_patches_are_refused() -> None:
    with pytest.raises(ValidationError, match="7 units with 64 patches each are 448, and 400"):
        FindPatches(units="0,1,2,3,4,5,6", k=64)
    with pytest.raises(ValidationError, match="64 units"):
        FindPatches(most=64, k=7)
    assert FindPatches(units=3, most=64, k=64).units == (3,)
    with pytest.raises(ValidationError, match="named once"):
        FindPatches(units="1,1")
