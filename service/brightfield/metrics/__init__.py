"""The catalog of evaluations, one file per task, and families of metrics, one file each."""

from __future__ import annotations

import sys

from brightfield.metrics.evaluation import Evaluation
from brightfield.plugins import discover


def catalog() -> dict[str, type[Evaluation]]:
    """Every evaluation by the name of its task."""
    return discover(sys.modules[__name__], Evaluation)  # type: ignore[type-abstract]
