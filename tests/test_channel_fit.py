"""Channels that fit a model; and what an error advises is accepted when it is followed."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
import tifffile

from brightfield.cards import InputSpec
from brightfield.errors import UnfitImage
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.selection import Selection
from brightfield.preprocess import Prepared, preprocess

RANDOM = np.random.default_rng(0)


def cube(channels: int) -> bytes:
    file = io.BytesIO()
    planes = RANDOM.integers(0, 4000, (channels, 40, 48), np.uint16)
    tifffile.imwrite(file, planes, metadata={"axes": "CYX"}, photometric="minisblack")
    return file.getvalue()


def seen(data: bytes, spec: InputSpec, **chosen: Any) -> Prepared:
    selection = Selection.model_validate(chosen)
    picture = decode(data, selection, limits=Limits(10**6), needs=spec.needs)
    return preprocess(picture, spec)


@pytest.mark.parametrize("wanted", [1, 3])
@pytest.mark.parametrize("channels", [2, 3, 4, 5, 7])
def test_every_advice_works(channels: int, wanted: int) -> None:
    data, spec = cube(channels), InputSpec(channels=wanted)
    with pytest.raises(UnfitImage, match=f"{channels} separate channels") as refused:
        seen(data, spec)
    advice = re.findall(r"channels=([\d,]+)", refused.value.detail)
    assert "0" in advice and ("0,1,2" in advice) == (wanted == 3 <= channels)
    for way in advice:
        assert seen(data, spec, channels=way).tensor.shape[1] == wanted


def test_three_chosen_channels_are_scaled_one_by_one() -> None:
    found = seen(cube(3), InputSpec(), channels="2,0,1")
    assert found.scaling is not None and len(found.scaling.channels) == 3
    assert "channels_as_colours" in [note.code for note in found.notes]


def test_a_card_that_names_all_takes_unnamed_ones_in_order() -> None:
    named: Any = [{"name": "nuclei"}, {"name": "actin"}, {"name": "tubulin"}]
    found = seen(cube(3), InputSpec.model_validate({"channels": 3, "channel": named}))
    assert "channel_order_assumed" in [note.code for note in found.notes]
    with pytest.raises(ValueError, match="2 channels are named of 3"):
        InputSpec.model_validate({"channels": 3, "channel": named[:2]})
