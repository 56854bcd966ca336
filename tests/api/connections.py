"""A connection to our protocol without a network: pieces go in, and what is written is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from brightfield.api.http1 import Http1


class Wire(asyncio.Transport):
    """What a socket's transport is to a protocol."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 8000), "peername": ("127.0.0.1", 9)})
        self.written = bytearray()
        self.closed = self.ended = False
        self.reading = asyncio.Event()
        self.reading.set()

    def write(self, data: Any) -> None:
        assert not self.ended, "written behind the end"
        self.written += data

    def close(self) -> None:
        self.closed = True
        self.reading.set()

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def is_reading(self) -> bool:
        return self.reading.is_set()

    def pause_reading(self) -> None:
        self.reading.clear()

    def resume_reading(self) -> None:
        self.reading.set()


async def settled(turns: int = 8) -> None:
    """Let the event loop do what is ready."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Connection:
    """A client's end."""

    def __init__(self, app: ASGIApp, kind: type[Http1] = Http1, **config: Any) -> None:
        self.state = ServerState()
        self._config = uvicorn.Config(
            app, lifespan="off", log_config=None, access_log=False, **config
        )
        self._kind = kind
        self.wire, self.protocol = self.another()

    def another(self) -> tuple[Wire, Http1]:
        """One more connection to the same server."""
        wire = Wire()
        protocol = self._kind(config=self._config, server_state=self.state, app_state={})
        protocol.connection_made(wire)
        return wire, protocol

    async def send(self, pieces: Iterable[bytes]) -> None:
        """Each piece as a segment of its own, while the server reads."""
        for piece in pieces:
            await self.wire.reading.wait()
            if self.wire.closed:
                return
            self.protocol.data_received(piece)
            await settled(2)

    async def finish(self) -> None:
        """Wait for every reply; then the client goes."""
        while self.state.tasks:
            done, _ = await asyncio.wait(self.state.tasks, timeout=2)
            assert done, "a request waits for bytes that have been sent"
            await settled()
        self.wire.closed = True
        self.protocol.connection_lost(None)

    @property
    def statuses(self) -> list[int]:
        return [int(part[:3]) for part in bytes(self.wire.written).split(b"HTTP/1.1 ")[1:]]
