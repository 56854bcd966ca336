"""A client that leaves, wherever its request is: counted as 499, and no fault of the service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from brightfield.api.middleware import RequestMiddleware
from brightfield.api.request_scope import RequestScope
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings

from .connections import Connection, settled

pytestmark = pytest.mark.anyio
HEAD = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def read(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(await Request(scope, receive).body())(scope, receive, send)


async def wait(scope: Scope, receive: Receive, send: Send) -> None:
    """As image requests do."""
    async with RequestScope(Request(scope, receive), Ticket(60)):
        await asyncio.Event().wait()


async def work(scope: Scope, receive: Receive, send: Send) -> None:
    """As what never looks whether its client is there."""
    await asyncio.sleep(0.05)
    await Response(b"done")(scope, receive, send)


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"id: 1\n\n"
            await asyncio.sleep(0.001)

    await StreamingResponse(pieces())(scope, receive, send)


async def break_off(scope: Scope, receive: Receive, send: Send) -> None:
    """As what finds its files closed."""
    await asyncio.sleep(0.05)
    raise RuntimeError("nobody listens")


@pytest.mark.parametrize("app", [read, wait, work, stream, break_off])
async def test_who_leaves_is_counted_as_499(app: ASGIApp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    telemetry = Telemetry()
    connection = Connection(RequestMiddleware(app, Settings(), telemetry))
    body = b"" if app is read else b"123456789"
    await connection.send([HEAD + body])
    await asyncio.sleep(0.01)
    connection.wire.closed = True
    connection.protocol.connection_lost(None)
    async with asyncio.timeout(5):
        while connection.state.tasks:
            await settled()
            await asyncio.sleep(0.01)
    counted = telemetry.exposition().decode()
    assert 'requests_total{endpoint="other",status="499"} 1.0' in counted
    assert counted.count("requests_total{") == 1
    assert [record.getMessage() for record in caplog.records] == ["POST / 499"]
