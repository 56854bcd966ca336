"""Clients that offer HTTP/2 with a request, over a real socket."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from brightfield.api.http1 import Http1, without_offer

OFFER = {
    "Connection": "Upgrade, HTTP2-Settings",
    "Upgrade": "h2c",
    "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(await Request(scope, receive).body())(scope, receive, send)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(echo, port=0, http=Http1, lifespan="off", log_config=None)
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


def test_bodies_and_other_upgrades_are_left_alone() -> None:
    body = b"POST / HTTP/1.1\r\nHost: x\r\n\r\n\r\nUpgrade: h2c\r\n"
    assert without_offer(body) == body
    socket = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nX: h2c\r\n\r\n"
    assert without_offer(socket) == socket
