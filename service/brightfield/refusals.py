"""The part of the tree of errors that is about the door: what is no request, who is refused, and
who had enough.

BrightfieldError
├── MalformedRequest, BadHost 400
├── Unauthorized 401      no API key, or none that opens the door
├── InsufficientScope 403 a key without the scope
├── UnknownKey 404
├── HeadTooSlow 408       path, query and headers come too slowly
├── KeyExists 409
├── RateExceeded, ShareExceeded, QuotaExceeded 429
├── HeadTooLarge 431      path, query and headers over their limit
└── TooManyConnections 503
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brightfield.errors import (
    BadRequest,
    BrightfieldError,
    Conflict,
    Forbidden,
    NotFound,
    Overloaded,
)
from brightfield.outages import Unavailable


class BadHost(BadRequest):
    code, title = "bad_host", "The Host header is missing or wrong"


class MalformedRequest(BadRequest):
    code, title = "malformed_request", "The request is not HTTP/1.1"


class HeadTooSlow(BrightfieldError):
    code, status, title, retryable = (
        "head_too_slow",
        408,
        "The head of the request came too slowly",
        True,
    )


class HeadTooLarge(BrightfieldError):
    code, status, title = "head_too_large", 431, "The head of the request is too large"


class TooManyConnections(Unavailable):
    code, title = "too_many_connections", "Too many connections"


class Unauthorized(BrightfieldError):
    code, status, title = "missing_key", 401, "An API key is needed"


class InvalidKey(Unauthorized):
    code, title = "invalid_key", "The API key does not open the door"


class InsufficientScope(Forbidden):
    """`scope` is the one that is needed."""

    code, title = "insufficient_scope", "The API key has not the scope"

    def __init__(
        self, detail: str, *, scope: str, errors: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        super().__init__(detail, errors=errors)
        self.scope = scope


class UnknownKey(NotFound):
    code, title = "unknown_key", "Unknown API key"


class KeyExists(Conflict):
    code, title = "key_exists", "There is an API key of that name"


class RateExceeded(Overloaded):
    code, title = "rate_exceeded", "Too many requests of this API key"


class ShareExceeded(Overloaded):
    code, title = "share_exceeded", "Too many images of this API key in flight"


class QuotaExceeded(Overloaded):
    code, title, retryable = "quota_exceeded", "The project's storage is full", False
