"""The head of a request as the application is to see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence
from urllib.parse import urlsplit

Header = tuple[bytes, bytes]
"""A name in lower case, and its value."""


def head_without_offer(
    method: bytes, target: bytes, version: str, headers: Iterable[Header]
) -> bytes:
    """The head of the plain request that is left when an offered upgrade isn't taken.

    Only `Upgrade`, and the token of that name in `Connection`, go.
    """
    lines = [b"%s %s HTTP/%s" % (method, target, version.encode())]
    lines += [b"%s: %s" % header for header in _plain(headers)]
    return b"\r\n".join([*lines, b"", b""])


def _plain(headers: Iterable[Header]) -> Iterator[Header]:
    for name, value in headers:
        if name == b"connection":
            tokens = [token for token in value.split(b",") if token.strip().lower() != b"upgrade"]
            yield name, b",".join(tokens).strip()
        elif name != b"upgrade":
            yield name, value


def origin_form(target: bytes, method: bytes, headers: MutableSequence[Header]) -> bytes:
    """The target as a path with its query; the host that it names replaces that of the headers.

    RFC 9112, 3.2: a target may name its host (`http://host/path`), which then counts; `*` asks
    OPTIONS about the service as a whole. Raises `ValueError` for all others.
    """
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return target
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        raise ValueError("the target is neither a path nor the address of one")
    parts = urlsplit(b"//" + rest)
    if parts.port == 0:  # which raises for what isn't a port
        raise ValueError("no connection goes to port 0")
    _rename_host(headers, parts.netloc)
    return (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")


def _rename_host(headers: MutableSequence[Header], authority: bytes) -> None:
    """Two Host headers stay two, and none stays none: both are refused later on."""
    places = [place for place, (name, _) in enumerate(headers) if name == b"host"]
    if len(places) == 1:
        headers[places[0]] = (b"host", authority)
