"""A request and its reply on a connection, whose head is checked at once and sent with the body."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from brightfield.api.wire.heads import Header

# What may stand in no name, and in no value, of a header.
_NOT_IN_NAMES = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]')
_NOT_IN_VALUES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_WITHOUT_BODY = (204, 304)
_JOINED = 1 << 16  # bytes of a body that are copied behind the head


class Cycle(RequestResponseCycle):
    """uvicorn's cycle, which looks at all headers of a reply together, and writes the head of a
    reply and the first piece of its body at once, unless it is a stream.

    Looked at one by one, a dozen headers take longer than what they say; and each write is a call
    of the system, which wakes the client.
    """

    _head = b""

    async def send(self, message: Any) -> None:
        if self.response_started:
            await super().send(self._with_head(message) if self._head else message)
        elif message["type"] != "http.response.start":
            await super().send(message)  # which refuses it
        elif not self.disconnected:
            head = self._begun(message["status"], message.get("headers", ()))
            if self.chunked_encoding:  # nobody knows when a stream has more
                if self.flow.write_paused:
                    await self.flow.drain()
                self.transport.write(head)
            else:
                self._head = head

    def _with_head(self, message: Any) -> Any:
        """The first piece of a body, behind the head unless that is written alone."""
        head, self._head = self._head, b""
        body = message.get("body", b"")
        if self.scope["method"] == "HEAD" or len(body) > _JOINED:
            self.transport.write(head)
            return message
        self.expected_content_length += len(head)
        return {**message, "body": b"".join((head, body))}

    def _begun(self, status: int, own: Iterable[Header]) -> bytes:
        """The head of the reply. Raises `RuntimeError` for a header that would break it."""
        headers = [*self.default_headers, *own]
        names = b"".join([name for name, _ in headers])
        if _NOT_IN_NAMES.search(names):
            raise RuntimeError("the name of a header has a character that none may have")
        if names != names.lower():  # our own never are in capitals
            headers = [(name.lower(), value) for name, value in headers]
        if _NOT_IN_VALUES.search(b"".join([value for _, value in headers])):
            raise RuntimeError("the value of a header has a character that none may have")
        self.response_started = True
        self.waiting_for_100_continue = False
        lines = [b"%b: %b\r\n" % header for header in headers]
        lines += self._framing(status, dict(headers))
        return b"".join([STATUS_LINE[status], *lines, b"\r\n"])

    def _framing(self, status: int, headers: dict[bytes, bytes]) -> list[bytes]:
        """Find out how the body is sent, and whether the connection goes on; the lines that say
        so."""
        lines = []
        length = headers.get(b"content-length")
        if length is not None:
            self.expected_content_length, self.chunked_encoding = int(length), False
        elif headers.get(b"transfer-encoding") == b"chunked":
            self.expected_content_length, self.chunked_encoding = 0, True
        elif self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        if b"close" in headers.get(b"connection", b"").lower():
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        return lines
