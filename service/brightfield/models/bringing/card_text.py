"""A card as the text of its file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_TOP = ("id", "version", "task", "licence", "description")


def card_text(content: Mapping[str, Any], assumed: Mapping[str, str]) -> str:
    """TOML of a card's content, with what was assumed of a section as a comment in it."""
    lines = [f"{key} = {_value(content[key])}" for key in _TOP if key in content]
    labels = content.get("labels")
    if labels:
        lines.append(f"labels = {_value(labels)}")
    for section in ("architecture", "weights", "input", "output"):
        if content.get(section):
            lines += ["", f"[{section}]", *_section(content[section], assumed.get(section))]
    return "\n".join(lines) + "\n"


def _section(values: Mapping[str, Any], assumed: str | None) -> Iterator[str]:
    if assumed:
        yield f"# {assumed}"
    yield from (f"{key} = {_value(value)}" for key, value in values.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
