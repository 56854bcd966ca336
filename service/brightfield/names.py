"""Names that stand in the path of an address, and mean one thing however they are written there.

Clients and proxies rewrite paths: they remove `.` and `..` together with what stands before (RFC
3986, 5.2.4), merge empty segments, turn a backslash into a slash and read `%2e` as a dot. A name
with such a part would be the address of something else: an item's deletion, of its collection.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from brightfield.errors import InvalidParameter

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""The pattern of a name of one segment, as models and collections have; it needs no quoting."""


def check_name(location: str, value: Any, longest: int) -> str:
    """A name that may have slashes and whatever else can be printed, as ids of items are.

    Raises `InvalidParameter` for a name that cannot stand in an address, saying what can.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= longest or not value.isprintable():
        raise _wrong(location, value, f"it has 1 to {longest} printable characters")
    read = _decoded(value)
    if "\\" in read:
        raise _wrong(location, value, "write `/` for a backslash, as browsers do")
    if value != value.strip(" /") or any(part in ("", ".", "..") for part in read.split("/")):
        raise _wrong(
            location,
            value,
            "it has no spaces or slashes at its ends and no part that is empty, `.` or `..`: "
            "addresses are shortened by these, and it would be that of something else",
        )
    if not read.isprintable():
        raise _wrong(location, value, "no `%` stands for a character that cannot be printed")
    return value


def _decoded(value: str) -> str:
    """The name with all `%XX` read, however often they were written over one another."""
    while (read := unquote(value)) != value:
        value = read
    return value


def _wrong(location: str, value: Any, rule: str) -> InvalidParameter:
    shown = str(value)[:80]
    return InvalidParameter(
        f"{shown!r} cannot be a name in `{location}`: {rule}.",
        errors=[{"location": location, "expected": rule, "received": ascii(shown)[1:-1]}],
    )
