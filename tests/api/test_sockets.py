"""The protocol over real sockets and the event loop that the service has."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from brightfield.api.http1 import Http1
from brightfield.api.middleware import RequestMiddleware
from brightfield.runtime.telemetry import Telemetry
from brightfield.settings import Settings

OFFER = {
    "Connection": "Upgrade, HTTP2-Settings",
    "Upgrade": "h2c",
    "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(await Request(scope, receive).body())(scope, receive, send)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = RequestMiddleware(echo, Settings(), Telemetry())
    config = uvicorn.Config(app, port=0, http=Http1, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_an_offer_of_http2_does_not_lose_the_body(port: int, size: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = b"h2c\r\n" * (size // 5)
    for _ in range(2):  # the connection stays open
        connection.request("POST", "/", body, OFFER)
        assert connection.getresponse().read() == body
    connection.close()


def test_who_sends_a_head_without_end_reads_why_it_is_refused(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: " + b"a" * 8_000_000)
        reply = b""
        while piece := client.recv(65536):
            reply += piece
    assert reply.startswith(b"HTTP/1.1 431 ") and b"head_too_large" in reply
