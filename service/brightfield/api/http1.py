"""HTTP/1.1 from clients that would rather speak HTTP/2."""

from __future__ import annotations

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Heads are short; an offer further behind is none of a client that is in use.
_HEAD = 4096
_OFFER = re.compile(rb"\r\nUpgrade:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE)


class Http1(HttpToolsProtocol):
    """uvicorn's protocol, which an offer to go on in HTTP/2 does not disturb.

    Java's HttpClient (and so Fiji's and QuPath's scripts) sends `Upgrade: h2c` with every request
    unless it is told not to. A server may ignore it (RFC 9110, 7.8), but httptools takes what
    follows the head for another protocol, and the body is lost. So the offer is taken out before
    the head is parsed.
    """

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
