"""Closing a connection so that the last reply on it is read."""

from __future__ import annotations

import asyncio
from typing import Any


class LingeringTransport:
    """A transport whose `close` waits for a client that is still sending.

    A socket that is closed with bytes unread sends a reset, on which clients give up before they
    have read why they were refused. So while `unread` is set, `close` ends only our side, and the
    whole connection some `seconds` later, or when the client ends its own.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, seconds: float
    ) -> None:
        self.unread = False
        self.write = transport.write
        self._transport = transport
        self._loop = loop
        self._seconds = seconds
        self._end: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def gone(self) -> bool:
        """Whether the connection is closed on both sides."""
        return self._transport.is_closing()

    def is_closing(self) -> bool:
        """Whether anything can still be sent."""
        return self._end is not None or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        if not self.unread:
            self._transport.close()
            return
        self._end = self._loop.call_later(self._seconds, self._transport.close)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        if not self._transport.is_reading():
            self._transport.resume_reading()

    def close_at_once(self) -> None:
        """End both sides, and wait no longer."""
        if self._end is not None:
            self._end.cancel()
        self._transport.close()
