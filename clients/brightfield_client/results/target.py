"""The class that an explanation is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """A class by its label and its place in the model's output."""

    label: str
    class_id: int | None

    @classmethod
    def from_json(cls, value: Any) -> Target:
        """A target object; a bare label or class id stands for one."""
        if isinstance(value, dict):
            return cls(str(value.get("label", "")), value.get("class_id"))
        return cls(str(value), value if isinstance(value, int) else None)
