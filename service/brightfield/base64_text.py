"""Bytes that stand in JSON as base64, in the ways that programs write it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import unquote

_PIECE = 1 << 22  # letters
_SCHEME, _HEAD = "data:", 64


def decoded(text: str) -> bytes:
    """Base64 (RFC 4648), also of the URL-safe alphabet, without padding, wrapped in lines, or
    behind `data:...;base64,` (RFC 2397), whose letters may be written as `%2B`.

    Raises `ValueError` with what to do for any other text.
    """
    start = text[:_HEAD].lstrip("\ufeff \t\r\n")[: len(_SCHEME)]
    if start.lower() == _SCHEME:
        text = text.partition(",")[2]
        text = unquote(text) if "%" in text else text
    try:
        return b"".join(_pieces(text.lstrip("\ufeff")))
    except ValueError:
        raise ValueError(_advice(text)) from None


def _advice(text: str) -> str:
    if text[:2] in ("b'", 'b"'):
        return "Python's b'...' is around it; send base64.b64encode(...).decode()"
    if text.lstrip()[:8].lower().startswith(("http://", "https://", "file://")):
        return "addresses aren't fetched; send the bytes of the file as base64"
    return (
        "send the bytes as letters, digits, + and / (or - and _), with = at the end alone, as they "
        "are or behind data:image/png;base64,"
    )


def _pieces(text: str) -> Iterator[bytes]:
    """Decoded a piece after another, so that no single call keeps the interpreter for long."""
    rest = ""
    for start in range(0, len(text), _PIECE):
        plain = rest + "".join(text[start : start + _PIECE].split())
        whole = len(plain) // 4 * 4
        rest = plain[whole:]
        yield _standard(plain[:whole])
    yield _standard(rest + "=" * (-len(rest) % 4))


def _standard(text: str) -> bytes:
    return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
