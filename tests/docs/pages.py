"""The documentation's files and the fenced blocks in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    top = (ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "training" / "README.md")
    return [*top, *sorted((ROOT / "docs").rglob("*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block; `file` is the path in its first line, where that is a comment with one."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        match = re.match(r"# ([\w./-]+\.(?:py|toml))\n", self.text)
        return match[1] if match else None


def blocks(page: str, language: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Block(found[1], found[2]) for found in _FENCE.finditer(text) if found[1] == language]


def files(page: str) -> dict[str, str]:
    """The blocks that stand for files, by their paths."""
    named = (block for language in ("python", "toml") for block in blocks(page, language))
    return {block.file: block.text for block in named if block.file is not None}


def commands(text: str) -> Iterator[list[str]]:
    """A shell block's commands as words; one goes on while its quotes are open."""
    pending = ""
    for line in text.splitlines():
        pending += line + "\n"
        try:
            words = shlex.split(pending, comments=True)
        except ValueError:
            continue
        pending = ""
        if words:
            yield words
    assert not pending
