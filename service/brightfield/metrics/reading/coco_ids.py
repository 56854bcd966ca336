"""Ids of images, categories and objects, which programs write as numbers or as texts."""

from __future__ import annotations

import json
from typing import Any

# Longer ones are no numbers that anybody counts with.
_DIGITS = 18

CocoId = int | str
"""An id as it is recognised."""


def same_id(value: Any) -> CocoId | None:
    """The id as it is recognised wherever it is written; None for what is no id.

    1, 1.0 and "1" are one id; "01" and "a" are texts. Of true and false neither is one.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and len(value) <= _DIGITS and value.removeprefix("-").isdecimal():
        number = int(value)
        return number if str(number) == value else value
    return value if isinstance(value, int | str) else None


def id_text(value: Any) -> str:
    """An id as one text: `1` of 1 and "1", `"a"` of a text."""
    return json.dumps(same_id(value))


def in_order(value: Any) -> tuple[str, Any]:
    """Ids of one type in their order, as pycocotools has it: numbers as numbers, texts as texts."""
    return type(value).__name__, value
