"""Options of labels as a query or JSON writes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from brightfield.metrics.reading.mask_options import as_numbers
from brightfield.parameters import NUMBER, written

LabelThresholds = Annotated[
    tuple[Annotated[float, Field(allow_inf_nan=False)], ...],
    BeforeValidator(as_numbers),
    Field(min_length=1, max_length=1000),
    written(
        "float | Sequence[float]",
        {"pattern": rf"^-?{NUMBER}(,-?{NUMBER})*$", "examples": ["0.5", "0.3,0.6"]},
        {"type": "number"},
        {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 1000},
    ),
]
"""One threshold or one for each label: `0.5`, `0.3,0.6` or `[0.3, 0.6]`."""
