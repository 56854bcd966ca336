"""The catalog of projections onto maps, one file each."""

from __future__ import annotations

import sys

from brightfield.embedding.projections.projection import Projection
from brightfield.plugins import discover


def catalog() -> dict[str, type[Projection]]:
    """Every projection by its name."""
    return discover(sys.modules[__name__], Projection)  # type: ignore[type-abstract]
