"""Sizes that an exported program takes: read from its constraints, and held against the card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.export import Dim

from brightfield.errors import InvalidCard, UnfitImage
from brightfield.models.loading.build import build
from brightfield.models.loading.input_sizes import LengthRange, sizes_of

from .programs import card


def exported(path: Path, axes: Mapping[int, Any] | None, **spec: Any) -> nn.Module:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.AvgPool2d(2)).eval()
    shapes = ({0: Dim("batch", max=8), **axes},) if axes else None
    sample = torch.zeros(2 if axes else 1, 3, 32, 48)
    program = torch.export.export(network, (sample,), dynamic_shapes=shapes)
    torch.export.save(program, path / "m.pt2")
    return build(card(path / "m.pt2", "export", input={"channels": 3, **spec}))


HEIGHT, WIDTH = Dim("height", min=8, max=160), Dim("width", min=4, max=100)


def test_bounds_and_steps_are_those_of_the_export(tmp_path: Path) -> None:
    sizes = sizes_of(exported(tmp_path, {2: HEIGHT, 3: 4 * WIDTH}))
    assert (sizes.height, sizes.width) == (LengthRange(8, 160), LengthRange(16, 400, 4))
    sizes.check_rows((3, 160, 44), "m")
    for height, width in ((161, 48), (7, 48), (64, 46)):
        with pytest.raises(
            UnfitImage, match=r"height of 8 to 160 and a width of 16 to 400 in steps"
        ):
            sizes.check_rows((3, height, width), "m")


@pytest.mark.parametrize(
    ("axes", "spec", "says"),
    [
        (None, {"size": {"multiple": 16}}, r"exactly 32 x 48 pixels; say size = \[32, 48\]"),
        (None, {"size": [48, 32]}, "inputs of 48 x 32"),
        (None, {"crop": 224}, "inputs of 224 x 224"),
        ({2: HEIGHT, 3: WIDTH}, {"size": [32, 200]}, "a width of 4 to 100"),
        (None, {"size": [32, 48], "channels": 1}, "takes 3 channels"),
    ],
)
def test_a_card_that_never_fits_is_refused(
    tmp_path: Path, axes: Mapping[int, Any] | None, spec: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidCard, match=says):
        exported(tmp_path, axes, **spec)


def test_the_nearest_length_is_within_the_bounds() -> None:
    assert LengthRange(8, 160, 4).nearest(256) == 160
    assert LengthRange(8, 160).nearest(256, multiple=64) == 128
    assert LengthRange(300).nearest(256) == 300
