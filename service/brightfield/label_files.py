"""Class names in a file of their own: one for each line, in the order of the model's output."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def with_labels(card: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A card's content, where `labels = { file = ... }` has become the names in that file.

    Raises `ValueError` for a file that isn't there, isn't in the folder or has an empty line.
    """
    named = card.get("labels")
    if not isinstance(named, dict) or set(named) != {"file"}:
        return card
    name = str(named["file"])
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"labels.file is {name!r}, which leaves the folder; name a file within it")
    try:
        text = (folder / name).read_text(encoding="utf-8-sig")
    except FileNotFoundError as fault:
        raise ValueError(f"labels.file is {name!r}, which is not in the folder") from fault
    return {**card, "labels": label_lines(text, name)}


def label_lines(text: str, file: str) -> list[str]:
    """The label of each line; empty lines at the end don't count.

    Raises `ValueError` for an empty line before others, since it would shift all that follow.
    """
    lines = [line.strip() for line in text.rstrip().splitlines()]
    if "" in lines:
        raise ValueError(f"{file} has no label in line {lines.index('') + 1}")
    return lines
