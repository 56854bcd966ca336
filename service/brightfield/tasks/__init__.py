"""The catalog of tasks: one file per task, found by its name."""

from __future__ import annotations

import sys

from brightfield.plugins import discover
from brightfield.tasks.task import Task


def catalog() -> dict[str, type[Task]]:
    """Every task by name."""
    return discover(sys.modules[__name__], Task)
