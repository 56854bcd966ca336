"""What an explanation is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Target:
    """A class by its label and its place in the model's output; None for what is no class.

    `facts` holds what else is known of it: `measure` says in words what its score is; of a
    detection there are `box`, `candidate` and `iou`, of pixels `pixels`, `box` and perhaps the
    `object`, of a reference its `layer` and SHA-256.
    """

    label: str
    class_id: int | None
    facts: Mapping[str, Any] = field(
        default_factory=lambda: MappingProxyType({}), compare=False, repr=False
    )

    @classmethod
    def from_json(cls, value: Any) -> Target:
        """A target object; a bare label or class id stands for one."""
        if not isinstance(value, dict):
            return cls(str(value), value if isinstance(value, int) else None)
        facts = {key: each for key, each in value.items() if key not in ("label", "class_id")}
        return cls(str(value.get("label", "")), value.get("class_id"), MappingProxyType(facts))
