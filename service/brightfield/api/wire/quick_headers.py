"""The headers of a request, looked up many times."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import overload

from starlette.datastructures import Headers
from starlette.requests import Request

from brightfield.api.wire.header_names import WIRE_NAMES
from brightfield.api.wire.heads import Header


class QuickHeaders(Headers):
    """Starlette's headers, which find a name by one look, and do without an exception where there
    is none. Of several headers of a name the first one counts, as there."""

    def __init__(self, raw: Sequence[Header]) -> None:
        super().__init__(raw=list(raw))
        self._first = dict(reversed(raw))

    @overload  # type: ignore[override]
    def get(self, key: str) -> str | None: ...
    @overload
    def get(self, key: str, default: str) -> str: ...
    def get(self, key: str, default: str | None = None) -> str | None:
        value = self._first.get(WIRE_NAMES[key])
        return default if value is None else value.decode("latin-1")


class QuickRequest(Request):
    """A request with such headers."""

    @cached_property
    def headers(self) -> Headers:
        return QuickHeaders(self.scope["headers"])
