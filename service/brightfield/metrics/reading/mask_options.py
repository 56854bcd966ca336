"""Options of masks as a query or JSON writes them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from brightfield.parameters import NUMBER, parsed_json, written


def _numbers(value: Any) -> Any:
    if isinstance(value, str):
        return parsed_json(value) if value.startswith("[") else value.split(",")
    return [value] if isinstance(value, int | float) else value


PixelSpacing = Annotated[
    tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...],
    BeforeValidator(_numbers),
    Field(min_length=1, max_length=3),
    written(
        "float | Sequence[float]",
        {"pattern": rf"^{NUMBER}(,{NUMBER}){{0,2}}$", "examples": ["0.5", "2,0.5,0.5"]},
        {"type": "number"},
        {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 3},
    ),
]
"""One number or several: `0.5`, `2,0.5,0.5` or `[2, 0.5, 0.5]`."""

Percentiles = Annotated[
    tuple[Annotated[float, Field(gt=0, le=100)], ...],
    BeforeValidator(_numbers),
    Field(min_length=1, max_length=20),
    written(
        "float | Sequence[float]",
        {"pattern": rf"^{NUMBER}(,{NUMBER})*$", "examples": ["100", "50,99"]},
        {"type": "number"},
        {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 20},
    ),
]
"""One percentile or several: `100`, `50,99` or `[50, 99]`."""
