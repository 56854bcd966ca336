"""What the chunks of a run must agree on, so that together they always make a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brightfield.errors import UnfitChunk

RunSchema = Mapping[str, Any]
"""JSON: a value for each thing to be agreed on; null where a chunk does not tell.

A value that is an object (the categories of a data set) holds parts, of which other chunks may have
others."""


def merged(known: RunSchema | None, new: RunSchema) -> RunSchema:
    """The frame of a run with a further chunk. The order of chunks changes no frame.

    Raises `UnfitChunk` where the chunk does not agree with those that are there.
    """
    found = dict(known or {})
    for name, value in new.items():
        before = found.get(name)
        if before is None:
            found[name] = value
        elif isinstance(before, dict) and isinstance(value, dict):
            _check_parts(name, before, value)
            found[name] = {**before, **value}
        elif value is not None and value != before:
            raise UnfitChunk(
                f"All chunks of a run have the same columns and labels: `{name}` is "
                f"{_shown(value)} here and {_shown(before)} in the others.",
                errors=[{"location": name, "expected": before, "received": value}],
            )
    return found


def _check_parts(name: str, before: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for part, value in new.items():
        if before.get(part, value) != value:
            raise UnfitChunk(
                f"`{name}` {part} is {value!r} here and {before[part]!r} in other chunks of the "
                "run; name it alike in all.",
                errors=[{"location": name, "expected": before[part], "received": value}],
            )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "given" if value else "not given"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return f"of {value} values a row" if isinstance(value, int) else str(value)
