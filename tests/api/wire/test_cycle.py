"""How the head of a reply is checked, framed and written."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from brightfield.api.wire.cycle import Cycle

Header = tuple[bytes, bytes]


class Wire:
    """A transport that keeps each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        if data:
            self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def sent(headers: list[Header], *bodies: bytes, method: str = "GET", **more: Any) -> Wire:
    """What a reply puts on the wire, a write for each entry."""
    wire = Wire()

    async def answer() -> None:
        cycle = Cycle(
            scope={"type": "http", "method": method},  # type: ignore[typeddict-item]
            transport=wire,  # type: ignore[arg-type]
            flow=FlowControl(wire),  # type: ignore[arg-type]
            logger=logging.getLogger(),
            access_logger=logging.getLogger(),
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            on_response=lambda: None,
            **{"keep_alive": True, **more},
        )
        await cycle.send({"type": "http.response.start", "status": 200, "headers": headers})
        for place, body in enumerate(bodies):
            more_body = place + 1 < len(bodies)
            await cycle.send({"type": "http.response.body", "body": body, "more_body": more_body})

    asyncio.run(answer())
    return wire


def test_a_whole_reply_is_one_write() -> None:
    wire = sent([(b"Content-Length", b"2"), (b"x-a", b"b")], b"ok")
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: b\r\n\r\nok"]


def test_a_stream_says_at_once_that_it_begins() -> None:
    wire = sent([], b"a", b"bc", keep_alive=False)
    assert wire.writes[0].endswith(b"connection: close\r\n\r\n")
    assert b"transfer-encoding: chunked\r\n" in wire.writes[0]
    assert wire.writes[1:] == [b"1\r\na\r\n", b"2\r\nbc\r\n0\r\n\r\n"]
    assert wire.closed


@pytest.mark.parametrize(
    ("method", "body"), [("HEAD", b""), ("GET", b"x" * 100_000)], ids=["no body", "a large body"]
)
def test_a_head_goes_alone_where_there_is_nothing_to_gain(method: str, body: bytes) -> None:
    length = b"%d" % (len(body) or 7)
    wire = sent([(b"content-length", length)], body, method=method)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: " + length + b"\r\n\r\n"
    assert wire.writes == [head, body] if body else [head]


@pytest.mark.parametrize(
    "header", [(b"x", b"a\r\nset-cookie: b"), (b"x", b"a\0"), (b"x\r\ny", b"a"), (b"x y", b"a")]
)
def test_no_header_breaks_out_of_its_line(header: Header) -> None:
    with pytest.raises(RuntimeError, match="character"):
        sent([(b"content-length", b"2"), header], b"ok")


def test_a_reply_is_as_long_as_it_says() -> None:
    with pytest.raises(RuntimeError, match="longer"):
        sent([(b"content-length", b"1")], b"ok")


def test_names_are_in_lower_case() -> None:
    wire = sent([(b"Content-Length", b"2"), (b"X-A", b"B")], b"ok")
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: B\r\n\r\nok"]
