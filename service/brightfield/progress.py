"""How far long work has come, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # results are arrays of PyTorch too, which a process that builds an index lacks
    from brightfield.results import Result


@dataclass(frozen=True, slots=True)
class Step:
    """`done` parts of `total`; `partial` can be shown already, the last step of a method has
    `result`. A total of 0 reports nothing."""

    done: int
    total: int
    partial: dict[str, Any] | None = None
    result: Result | None = None


Progress = Callable[[Step], None]
"""Called between the parts of long work. It may raise (`Cancelled`, `DeadlineExceeded`) where the
caller has left, which ends the work there."""

STILL_WANTED = Step(0, 0)
"""Asks a `Progress` whether the work is still wanted, and reports nothing."""


def no_progress(step: Step) -> None:
    """A `Progress` that tells nobody and never ends the work."""
