"""The catalog of tasks: one file per task, found by its name.

Each task's class is an attribute, too, whatever its file: `tasks.Classify(top_k=2)`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from brightfield.plugins import discover, member
from brightfield.tasks.task import Task

if TYPE_CHECKING:  # the shipped ones, for editors and type checkers
    from brightfield.tasks.activations import ReadActivations as ReadActivations
    from brightfield.tasks.classify import Classify as Classify
    from brightfield.tasks.detect import Detect as Detect
    from brightfield.tasks.embed import Embed as Embed
    from brightfield.tasks.patches import FindPatches as FindPatches
    from brightfield.tasks.segment import Segment as Segment
    from brightfield.tasks.superresolve import Superresolve as Superresolve


def catalog() -> dict[str, type[Task]]:
    """Every task by name."""
    return discover(sys.modules[__name__], Task)


def __getattr__(name: str) -> Any:
    return member(sys.modules[__name__], catalog, name)


def __dir__() -> list[str]:
    return sorted(["catalog", *(task.__name__ for task in catalog().values())])
