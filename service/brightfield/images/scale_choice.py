"""How a caller says at which size a model shall see an image."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from brightfield.parameters import written

MOST_ENLARGED = 16.0
"""No network sees more in an image that is enlarged further."""
ALIKE = 0.1
"""Pixels whose sizes differ by less than this share are the same to any model."""
_LENGTH = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(px|um|µm|μm)?\s*")


def _word(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


ScaleChoice = Annotated[
    Literal["auto", "off"] | Annotated[float, Field(gt=0, le=MOST_ENLARGED)],
    BeforeValidator(_word),
    written(
        "Literal['auto', 'off'] | float",
        {"pattern": r"^(auto|off|\d+\.?\d*|\.\d+)$", "examples": ["auto", "off", "0.25"]},
        {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_ENLARGED},
    ),
]
"""`auto`, `off`, or pixels of the model's input for each pixel of the image along a side."""


class Diameter(NamedTuple):
    """A length in pixels of the image, or in micrometres."""

    length: float
    in_micrometres: bool = False


def _diameter(value: Any) -> Any:
    if isinstance(value, Diameter) or value is None:
        return value
    match = _LENGTH.fullmatch(str(value))
    if match is None or not float(match[1]) > 0:
        raise ValueError("write a number of pixels, as 40, or of micrometres, as 12um")
    return Diameter(float(match[1]), (match[2] or "px") != "px")


ObjectDiameter = Annotated[
    Diameter,
    BeforeValidator(_diameter),
    written(
        "float | str",
        {"pattern": r"^(\d+\.?\d*|\.\d+)(px|um|µm)?$", "examples": ["40", "12um"]},
        {"type": "number", "exclusiveMinimum": 0},
    ),
]
"""`40` pixels of the image, or `12um`."""
