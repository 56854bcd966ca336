"""Clients that send their bodies too slowly: they get 408, and keep nobody else waiting.

256 of them by default; BRIGHTFIELD_SLOW_BODIES says how many.
"""

from __future__ import annotations

import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from brightfield.api.app import create_app

from .conftest import CHELSEA, png
from .test_load import served

COUNT = int(os.environ.get("BRIGHTFIELD_SLOW_BODIES", "256"))
GRACE = 3.0
CAT = png(CHELSEA)


@pytest.fixture(scope="module")
def address(settings_of: Any) -> Iterator[tuple[FastAPI, str]]:
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, 4 * COUNT + 1024), 8192))
    app = create_app(settings_of(max_in_flight=32, body_grace=GRACE))
    with served(app) as url:
        yield app, url


def begun(url: str, method: str, path: str, *headers: str) -> socket.socket:
    """A request that promises 100 bytes, of which one comes."""
    host, _, port = url.removeprefix("http://").partition(":")
    wire = socket.create_connection((host, int(port)), timeout=60)
    lines = (f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Content-Length: 100", *headers)
    wire.sendall("\r\n".join((*lines, "", "x")).encode())
    return wire


def ending(wire: socket.socket) -> str:
    """The status of the reply on a connection that is closed after it."""
    reply = b""
    while piece := wire.recv(65536):
        reply += piece
    wire.close()
    assert b"connection: close" in reply.lower()
    assert b'"body_too_slow"' in reply
    return reply[9:12].decode()


@pytest.mark.slow
@pytest.mark.alone
def test_slow_bodies_are_408_while_another_caller_goes_on(address: tuple[FastAPI, str]) -> None:
    app, url = address
    with httpx2.Client(timeout=60) as client:
        client.post(f"{url}/classify", content=CAT).raise_for_status()
        wires = [begun(url, "POST", "/classify") for _ in range(COUNT)]
        started = time.monotonic()
        while time.monotonic() - started < GRACE - 1:
            asked = time.monotonic()
            assert client.post(f"{url}/classify", content=CAT).status_code == 200
            assert time.monotonic() - asked < 10
        counted = app.state.engine.telemetry.registry.get_sample_value
        assert counted("brightfield_in_flight") == 0
        assert {ending(wire) for wire in wires} == {"408"}
        assert time.monotonic() - started < GRACE + 10
    assert counted("brightfield_body_bytes", {"of": "requests"}) == 0


@pytest.mark.slow
@pytest.mark.alone
def test_a_body_that_trickles_for_ever_is_ended(address: tuple[FastAPI, str]) -> None:
    _, url = address
    wire = begun(url, "POST", "/classify")
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(0.2):
            try:
                wire.sendall(b"x")
            except OSError:
                return

    sender = threading.Thread(target=trickle)
    sender.start()
    began = time.monotonic()
    try:
        assert ending(wire) == "408"
    finally:
        over.set()
        sender.join()
    assert time.monotonic() - began < 2 * GRACE


ENDPOINTS = [
    ("PUT", "/images"),
    ("POST", "/embed"),
    ("POST", "/occlusion"),
    ("POST", "/metrics"),
    ("POST", "/metrics/runs"),
    ("PUT", "/metrics/runs/run_1/chunks/a"),
    ("PUT", "/collections/slow"),
    ("POST", "/collections/slow/items"),
    ("POST", "/collections/slow/neighbors"),
    ("POST", "/collections/slow/clusters"),
    ("POST", "/collections/slow/projection"),
    ("POST", "/collections/slow/patches"),
    ("PUT", "/collections/slow/index"),
]


def test_the_deadline_counts_while_a_body_comes_at_every_endpoint(
    address: tuple[FastAPI, str],
) -> None:
    _, url = address
    wires = [begun(url, *endpoint, "X-Request-Timeout: 0.2") for endpoint in ENDPOINTS]
    began = time.monotonic()
    assert [ending(wire) for wire in wires] == ["408"] * len(ENDPOINTS)
    assert time.monotonic() - began < GRACE
