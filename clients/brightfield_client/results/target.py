"""What an explanation is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brightfield_client.results.value import Json, Value, at


@dataclass(frozen=True)
class Target(Value):
    """A class by its label and its place in the model's output; None for what isn't a class.

    `facts` holds what else is known of it: `measure` says in words what its score is; of a
    detection there are `box`, `candidate` and `iou`, of pixels `pixels`, `box` and perhaps the
    `object`, of a reference its `layer` and SHA-256.
    """

    label: str = ""
    class_id: int | None = None
    facts: Json = at(rest=True, default_factory=dict, compare=False, repr=False)

    @classmethod
    def _read(cls, value: Any) -> dict[str, Any]:
        """A bare label or class id stands for a target."""
        if isinstance(value, Mapping):
            return super()._read(value)
        return {"label": str(value), "class_id": value if isinstance(value, int) else None}
