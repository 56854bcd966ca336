"""How far long work has come."""

from __future__ import annotations

from collections.abc import Callable
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


Progress = Callable[[Step], None]
"""Is called with each step of long work, in the thread that does it."""
