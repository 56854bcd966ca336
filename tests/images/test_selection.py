"""Selection: what arrives as query strings."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from brightfield.images.selection import Selection


@pytest.mark.parametrize(
    ("given", "expected"),
    [("0,2", (0, 2)), (" 1 , 0", (1, 0)), (3, (3,)), ("3", (3,)), ([2, 1], (2, 1)), (None, None)],
)
def test_channels(given: object, expected: object) -> None:
    assert Selection.model_validate({"channels": given}).channels == expected


def test_axes_are_upper_cased() -> None:
    assert Selection(axes="zcyx").axes == "ZCYX"


@pytest.mark.parametrize(
    "wrong",
    [
        {"page": -1},
        {"z": "a"},
        {"channels": ""},
        {"channels": "1,1"},
        {"channels": "0,-1"},
        {"axes": "ZX"},
        {"axes": "YXX"},
        {"axes": "YXQ"},
        {"orientation": "turn"},
        {"pixel_size": 0},
        {"pixel_size": "inf"},
        {"plane": 1},
    ],
)
def test_what_is_wrong_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Selection.model_validate(wrong)


def test_every_field_is_documented() -> None:
    described = Selection.model_json_schema()["properties"]
    assert all(described[name]["description"] for name in Selection.model_fields)
