"""uvicorn's HTTP/1.1, which also tells at once when a client hangs up."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Heads are short; an offer further behind is none of a client that is in use.
_HEAD = 4096
_OFFER = re.compile(rb"\r\nUpgrade:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE)


class Http1(HttpToolsProtocol):
    """uvicorn's protocol with two additions: hang-ups are told, and offers of HTTP/2 are ignored.

    `scope["hang_up_calls"]` is a set of functions that are called when the connection is lost, so
    that nobody needs a task of its own to listen for it.

    Java's HttpClient (and so Fiji's and QuPath's scripts) sends `Upgrade: h2c` with every request
    unless it is told not to. A server may ignore it (RFC 9110, 7.8), but httptools takes what
    follows the head for another protocol, and the body is lost. So the offer is taken out before
    the head is parsed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hang_up_calls: set[Callable[[], None]] = set()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["hang_up_calls"] = self._hang_up_calls  # type: ignore[typeddict-unknown-key]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for call in tuple(self._hang_up_calls):
            call()

    def data_received(self, data: bytes) -> None:
        if b"h2c" in data[:_HEAD]:
            data = without_offer(data)
        super().data_received(data)


def without_offer(data: bytes) -> bytes:
    """`data` less the line `Upgrade: h2c` of the head that it begins with; no body is touched."""
    offer = _OFFER.search(data, 0, _HEAD)
    if offer is None or b"\r\n\r\n" in data[: offer.start()]:
        return data
    return data[: offer.start()] + data[offer.end() :]
