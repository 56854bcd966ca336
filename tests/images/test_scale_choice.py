"""How callers write sizes, in a query and in JSON."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from brightfield.engine import View


@pytest.mark.parametrize(
    ("given", "scale"), [("AUTO", "auto"), ("off", "off"), ("0.25", 0.25), (2, 2.0), (" 1e-1", 0.1)]
)
def test_scales(given: Any, scale: Any) -> None:
    assert View(scale=given).scale == scale


@pytest.mark.parametrize(
    ("given", "diameter"),
    [
        (40, (40, False)),
        ("12.5", (12.5, False)),
        ("30px", (30, False)),
        ("12um", (12, True)),
        ("8 µm", (8, True)),
    ],
)
def test_diameters(given: Any, diameter: tuple[float, bool]) -> None:
    assert View(diameter=given).diameter == diameter


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0}, {"scale": "inf"}, {"scale": "nan"}, {"scale": 17}, {"scale": "half"},
        {"diameter": 0}, {"diameter": "12 miles"}, {"diameter": -3}, {"diameter": "inf"},
        {"scale": 0.5, "diameter": 20}, {"scale": "off", "diameter": 20},
    ],
)  # fmt: skip
def test_what_is_no_size_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        View(**wrong)
