"""Options of detections as a query or JSON writes them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from brightfield.parameters import NUMBER, parsed_json, written

_NAME = re.compile(r"[a-z][a-z_]{0,30}")


def _numbers(value: Any) -> Any:
    if isinstance(value, str):
        return parsed_json(value) if value.startswith("[") else value.split(",")
    return [value] if isinstance(value, int | float) else value


def _document(value: Any) -> Any:
    return parsed_json(value) if isinstance(value, str) else value


def _checked(value: dict[str, tuple[float, float | None]]) -> dict[str, tuple[float, float | None]]:
    for name, (low, high) in value.items():
        if not _NAME.fullmatch(name) or name == "all":
            raise ValueError(f"{name!r} is no name of a range of areas: use small letters and _")
        if high is not None and high <= low:
            raise ValueError(f"the areas {name!r} end at {high:g} and begin at {low:g}")
    return value


Overlaps = Annotated[
    tuple[Annotated[float, Field(gt=0, le=1)], ...],
    BeforeValidator(_numbers),
    Field(min_length=1, max_length=100),
    written(
        "float | Sequence[float]",
        {"pattern": rf"^{NUMBER}(,{NUMBER})*$", "examples": ["0.3,0.5,0.7"]},
        {"type": "number"},
        {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 100},
    ),
]
"""One IoU or several: `0.5`, `0.3,0.5` or `[0.3, 0.5]`."""

_Bound = Annotated[float, Field(ge=0, allow_inf_nan=False)]

Areas = Annotated[
    dict[str, tuple[_Bound, _Bound | None]],
    BeforeValidator(_document),
    Field(min_length=1, max_length=20),
    AfterValidator(_checked),
    written(
        "Mapping[str, Sequence[float | None]]",
        {"examples": ['{"tiny": [0, 50], "big": [50, null]}']},
        {
            "type": "object",
            "additionalProperties": {
                "type": "array",
                "items": {"type": ["number", "null"]},
                "minItems": 2,
                "maxItems": 2,
            },
        },
    ),
]
"""Ranges of areas by name; null is no end."""
