"""How far an explanation has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brightfield.results import Result


@dataclass(frozen=True, slots=True)
class Step:
    """How far a method has come; `partial` can be shown already, the last step has `result`."""

    done: int
    total: int
    partial: dict[str, Any] | None = None
    result: Result | None = None
