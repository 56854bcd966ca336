"""What every evaluation is: options, and a report made of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from brightfield.metrics.bootstrap import Check
from brightfield.metrics.confidence import Confidence


@dataclass(frozen=True, slots=True)
class Limits:
    """What one image or mask may have, and the archive of a request when unpacked."""

    max_pixels: int
    max_bytes: int


def _document(value: Any) -> Any:
    """A query writes lists and objects as JSON, and plain lists also with commas."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _names(value: Any) -> Any:
    value = _document(value)
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return [str(part) for part in value] if isinstance(value, list | tuple) else value


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
"""Several names: `a,b` or `["a", "b"]`."""

Nested = BeforeValidator(_document)


class Evaluation(BaseModel, ABC):
    """A kind of report; the fields are its options.

    A file with a subclass is a task of POST /metrics. `members` names the data in its JSON; a task
    with `tables` takes CSV and NPZ as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    members: ClassVar[tuple[str, ...]]
    tables: ClassVar[bool] = False

    ci: Annotated[Confidence, Nested] = Confidence()
    """Intervals: `method`, `level`, `resamples`, `seed`; in a query `ci.level=0.9` and so on."""
    worst: Annotated[int, Field(ge=0, le=1000)] = 10
    """How many of the cases with the largest error are listed."""
    missing: Literal["exclude", "refuse"] = "exclude"
    """What is done with rows of which something is missing: left out and listed, or 422."""

    @abstractmethod
    def evaluate(self, data: Mapping[str, Any], limits: Limits, check: Check) -> dict[str, Any]:
        """The report about `data`, by the names in `members`, ready for JSON.

        Raises `Unprocessable` for wrong types, lengths and labels; never returns NaN.
        """
