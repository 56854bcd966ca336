"""The shipped model cards: one folder each, with weights or the name of where they come from."""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """The folder whose model folders are always served."""
    return Path(__file__).parent
