"""What a request leaves behind for the garbage collector, and an application asked directly.

A client library has cycles of its own, and a socket holds bytes; so the application is called as a
server calls it, and what it is sent is forgotten at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import orjson
import torch
from fastapi import FastAPI

BIG = 20_000
"""Bytes of a value that counts; what the tests send has more than ten times as many."""


@dataclass(slots=True)
class Leftovers:
    """Large values that only the collector could free, by their kind and size in bytes."""

    found: list[str] = field(default_factory=list)


@contextlib.contextmanager
def leftovers() -> Iterator[Leftovers]:
    """Within it the collector is off; afterwards it is known what it would have freed."""
    result = Leftovers()
    gc.collect()
    gc.disable()
    try:
        yield result
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        result.found = _large(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def _large(garbage: list[Any]) -> list[str]:
    """Arrays are not known to the collector, so what refers to them is looked into."""
    sizes: dict[int, str] = {}
    for holder in garbage:
        for value in (holder, *gc.get_referents(holder)):
            size = _bytes_of(value)
            if size > BIG:
                sizes[id(value)] = f"{type(value).__name__} of {size} bytes in {_name(holder)}"
    return sorted(sizes.values())


def _bytes_of(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, torch.Tensor):
        return value.untyped_storage().nbytes()
    return len(value) if isinstance(value, bytes | bytearray | memoryview) else 0


def _name(holder: Any) -> str:
    return getattr(holder, "__qualname__", None) or type(holder).__qualname__


@dataclass(slots=True)
class Reply:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    size: int = 0
    start: bytes = b""
    """The first bytes of the body."""

    def json(self) -> Any:
        return orjson.loads(self.start)


class Caller:
    """Asks an application whose lifespan has begun."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    async def ask(
        self,
        method: str,
        path: str,
        body: Callable[[], bytes] = bytes,
        /,
        *,
        headers: Mapping[str, str] | None = None,
        leave: asyncio.Event | None = None,
        **query: Any,
    ) -> Reply:
        """The reply; with `leave` the client hangs up when that is set."""
        reply, pieces = Reply(), iter((body,))
        over = asyncio.Event()
        scope = _scope(self.app, method, path, headers or {}, query)
        hang_up = asyncio.create_task(_hang_up(scope, leave, over)) if leave else None

        async def receive() -> dict[str, Any]:
            piece = next(pieces, None)
            if piece is None:
                await over.wait()
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": piece(), "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                reply.size += len(message.get("body", b""))
                if len(reply.start) < 100_000:
                    reply.start += bytes(message.get("body", b""))[:100_000]

        await self.app(scope, receive, send)
        if hang_up is not None:
            await hang_up
        return reply


async def _hang_up(scope: dict[str, Any], leave: asyncio.Event, over: asyncio.Event) -> None:
    """As the protocol does it when a connection is lost."""
    await leave.wait()
    over.set()
    for call in tuple(scope["hang_up_calls"]):
        call()


def _scope(
    app: FastAPI, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any]
) -> dict[str, Any]:
    raw = [(b"host", b"testserver")]
    raw += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": quote(path).encode(), "root_path": "",
        "query_string": urlencode(query).encode(), "headers": raw,
        "client": ("127.0.0.1", 1), "server": ("testserver", 80), "state": {},
        "hang_up_calls": set(),
    }  # fmt: skip


@contextlib.asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[Caller]:
    """The application within its lifespan."""
    async with app.router.lifespan_context(app):
        yield Caller(app)
