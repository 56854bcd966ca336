"""Whatever is asked for, a JSON reply over the limit is refused, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import Response
from starlette.testclient import TestClient

from brightfield.api.app import create_app
from brightfield.api.writing.sized import json_reply

from ..conftest import CHELSEA, png

CAT = png(CHELSEA)


@pytest.fixture(scope="module")
def narrow(settings_of: Any) -> Iterator[TestClient]:
    """A service of short replies, with a collection whose vectors are longer."""
    with TestClient(create_app(settings_of(max_reply_bytes=1000))) as client:
        client.put("/collections/wide", json={"dim": 300})
        client.post("/collections/wide/items", json={"vectors": [[0.1] * 300], "ids": ["a"]})
        yield client


@pytest.mark.parametrize(
    ("method", "path", "options", "advice"),
    [
        ("POST", "/embed", {"content": CAT}, "format=npy"),
        ("POST", "/classify?top_k=100", {"content": CAT}, "format=csv"),
        ("POST", "/classify", {"files": [("file", b"x")] * 9}, "fewer images"),
        ("POST", "/metrics", {"json": {"truth": [0, 1], "scores": [0, 1]}}, "fewer rows"),
        ("GET", "/models/imagenet-lite0/filters", {}, "lower `count`"),
        ("GET", "/collections/wide/items/a", {}, "fewer items"),
    ],
)
def test_a_reply_over_the_limit(
    narrow: TestClient, method: str, path: str, options: Any, advice: str
) -> None:
    reply = narrow.request(method, path, **options)
    assert (reply.status_code, reply.json()["code"]) == (413, "reply_too_large"), reply.text
    assert advice in reply.json()["detail"] and "max_reply_bytes" in reply.json()["detail"]


def test_a_reply_within_the_limit(narrow: TestClient) -> None:
    assert narrow.post("/classify?top_k=1", content=CAT).status_code == 200


def test_a_reply_has_the_headers_that_starlette_writes() -> None:
    given = {"X-Model": "a@1", "Server-Timing": "decode;dur=1.00"}
    written = json_reply({"a": [1, 2]}, 1000, status=207, headers=given)
    known = Response(b'{"a":[1,2]}', 207, given, "application/json")
    assert (written.body, written.status_code) == (known.body, known.status_code)
    assert written.raw_headers == known.raw_headers
