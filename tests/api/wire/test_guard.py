"""Which Host and Origin headers are let in, as bytes of a scope."""

from __future__ import annotations

from typing import Any

import pytest

from brightfield.api.wire.guard import Guard
from brightfield.settings import Settings

OWN = (b"host", b"127.0.0.1:8000")


def status_of(
    *headers: tuple[bytes, bytes],
    path: str = "/classify",
    method: str = "POST",
    version: str = "1.1",
    **settings: Any,
) -> int:
    """That of the refusal; 200: none."""
    scope = {"headers": headers, "path": path, "method": method, "http_version": version}
    refusal = Guard(Settings(**settings)).refusal(scope)
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"127.0.0.1", 200),
        (b"LOCALHOST:1", 200),
        (b"[::1]:8000", 200),
        (b"localhost:", 200),
        (b"", 403),
        (b"evil.example", 403),
        (b"localhost.evil.example", 403),
        (b"127.0.0.1:x", 400),
        (b"me@127.0.0.1", 400),
        (b"127.0.0.1, evil.example", 400),
        (b"127.0.0.1/evil", 400),
        (b"[::1", 400),
        (b"caf\xe9", 400),
        (b"127.0.0.1:123456", 400),
    ],
)
def test_one_host_that_is_known(host: bytes, status: int) -> None:
    assert status_of((b"host", host)) == status


def test_no_host_or_two_are_no_request() -> None:
    assert status_of() == 400
    assert status_of(OWN, OWN) == 400
    assert status_of(OWN, (b"host", b"evil.example")) == 400
    assert status_of(version="1.0") == 200  # HTTP/1.0 has none
    assert status_of(OWN, OWN, allowed_hosts="*") == 400


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_ask_by_any_name_but_only_read(path: str) -> None:
    foreign = (b"host", b"10.0.0.7:8000")
    assert status_of(foreign, path=path, method="GET") == 200
    assert status_of(foreign, path=path, method="HEAD") == 200
    assert status_of(foreign, path=path, method="POST") == 403
    page = (b"origin", b"http://10.0.0.7:8000")
    assert status_of(foreign, page, path=path, method="GET") == 403
    assert status_of(foreign, path="/models", method="GET") == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (b"http://127.0.0.1:8000", 200),
        (b"HTTP://127.0.0.1:8000", 200),
        (b"https://lab.example", 200),
        (b"http://lab.example", 403),
        (b"http://127.0.0.1:9000", 403),
        (b"http://me@127.0.0.1:8000", 403),
        (b"null", 403),
        (b"http://[bad", 403),
        (b"http://a]b", 403),
        (b"127.0.0.1:8000", 403),
        (b"\xff\xfe", 403),
    ],
)
def test_pages_of_the_service_and_of_allowed_origins(origin: bytes, status: int) -> None:
    assert status_of(OWN, (b"origin", origin), allowed_origins="https://lab.example") == status


def test_one_foreign_origin_of_two_is_enough() -> None:
    own, foreign = (b"origin", b"http://127.0.0.1:8000"), (b"origin", b"http://evil.example")
    assert status_of(OWN, own, foreign) == status_of(OWN, foreign, own) == 403


def test_no_origin_is_that_of_a_service_without_a_name() -> None:
    assert status_of((b"origin", b"null"), version="1.0") == 403
    assert status_of((b"origin", b"http://"), version="1.0") == 403


def test_the_address_listened_on_is_a_name_of_it() -> None:
    assert status_of((b"host", b"[fd00::1]:80"), host="fd00::1") == 200
