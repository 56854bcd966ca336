"""The result of the toy tasks: one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brightfield.results import MapSpace, Result, finite


@dataclass(frozen=True)
class Number(Result):
    """A number, and nothing to draw."""

    number: float

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {"number": finite(self.number)}
