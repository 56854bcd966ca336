"""How single values of a card are read."""

from __future__ import annotations

import re

from brightfield.names import NAME

_ID = re.compile(NAME)


def valid_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError(
            "an id is letters, digits, '.', '_', '-' and begins with one of the first two"
        )
    return value


def lowered(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def as_tuple(value: object) -> object:
    """One number as a list of it, which counts for every channel."""
    return (value,) if isinstance(value, int | float) else value


def as_path(value: object) -> object:
    """One key as a path of one step."""
    return (value,) if isinstance(value, int | str) else value


def as_label(value: object) -> object:
    """A label that is only a name."""
    return {"name": value} if isinstance(value, str) else value
