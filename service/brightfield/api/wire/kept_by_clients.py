"""Replies that clients may keep, because an address always has the same content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from brightfield import __version__

_KEPT = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept"}


def etag_of(parts: Sequence[str]) -> str:
    """The strong tag of what is made from these parts by this version of the service."""
    text = "\n".join((__version__, *parts))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def kept_headers(tag: str) -> dict[str, str]:
    """Headers of a reply that stays as it is: the caller's own cache may keep it."""
    return {"ETag": tag, **_KEPT}


def unchanged(request: Request, tag: str) -> Response | None:
    """304 where the request has the reply already (RFC 9110, section 13.1.2)."""
    sent = request.headers.get("if-none-match")
    if sent is None:
        return None
    known = [each.strip().removeprefix("W/") for each in sent.split(",")]
    return Response(None, 304, kept_headers(tag)) if "*" in known or tag in known else None
