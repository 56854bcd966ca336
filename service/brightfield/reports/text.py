"""What callers wrote, made fit to be shown."""

from __future__ import annotations

import unicodedata
from typing import Any

# Marks that turn the direction of what follows, over the end of the label.
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def plain(text: Any, most: int = 200) -> str:
    """One line of at most `most` characters that XML and HTML can hold.

    Controls become spaces, what is no character a replacement character; marks of direction are
    left out. What is escaped where is left to those that write it.
    """
    line = " ".join("".join(_fit(letter) for letter in str(text)).split())
    return line if len(line) <= most else line[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _fit(letter: str) -> str:
    if letter in _TURNING:
        return ""
    category = unicodedata.category(letter)
    if category == "Cc":
        return " "
    return _UNKNOWN if category in ("Cs", "Cn") else letter


def label(text: Any, most: int = 24) -> str:
    """The name of a class where there is little room: what is too long loses its middle, since
    names often differ at their ends."""
    whole = plain(text, 1000)
    if len(whole) <= most:
        return whole
    tail = (most - 1) // 2
    return f"{whole[: most - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{whole[-tail:]}"
