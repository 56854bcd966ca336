"""What a request brings is read to its end, and then understood without waiting for anybody."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from prometheus_client import Gauge
from starlette.requests import Request

from brightfield.api.admission.body_budget import BodyBudget
from brightfield.api.reading.body import BodyRules
from brightfield.api.reading.inputs import Submission, understand_submission
from brightfield.api.reading.received import Received, receive
from brightfield.api.reading.sources import FaultyImage, ImageById, SentImage
from brightfield.errors import ConflictingParameter, MalformedForm, TooManyBytes
from brightfield.runtime.ticket import Ticket

TEXT = "aGVsbG8="  # base64 of hello


def received(query: str = "", max_bytes: int = 10_000, chunk: int = 7, **body: Any) -> Received:
    """What httpx sends, in chunks as a network brings it."""
    sent = httpx2.Request("POST", f"http://testserver/x?{query}", **body)
    content = sent.read()
    parts = [content[start : start + chunk] for start in range(0, len(content), chunk)] or [b""]

    async def message() -> Any:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    headers = [(name.lower(), value) for name, value in sent.headers.raw]
    scope = {"type": "http", "headers": headers, "query_string": query.encode()}
    rules = BodyRules(max_bytes, rate=1.0, grace=10.0)
    with BodyBudget(
        10 * max_bytes, Gauge("body_bytes", "", registry=None), "budget"
    ).hold() as held:
        return asyncio.run(receive(Request(scope, message), rules, Ticket(), held))


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("top_k=2", {"content": b"hello"}),
        ("", {"files": {"file": b"hello"}, "data": {"top_k": "2"}}),
        ("", {"files": {"file": b"hello"}, "data": {"params": '{"top_k": "2"}'}}),
        ("", {"json": {"image": {"data": TEXT}, "parameters": {"top_k": "2"}}}),
        ("top_k=2", {"content": json.dumps({"image": {"data": TEXT}}).encode()}),
    ],
)
def test_every_form_means_the_same(query: str, body: Any) -> None:
    expected = Submission([SentImage(b"hello")], {"top_k": "2"})
    assert understand_submission(received(query, **body)) == expected


def test_a_batch_keeps_its_order_and_its_faults() -> None:
    images: list[Any] = [{"data": TEXT}, {"id": "sha256:1"}, {"data": "!"}]
    found = understand_submission(received(json={"images": images})).images
    assert found[:2] == [SentImage(b"hello"), ImageById("sha256:1")]
    assert isinstance(found[2], FaultyImage) and "images.2" in found[2].fault.detail


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"files": {"file": b"x"}, "data": {"top_k": "3"}}, "form"),
        ({"files": {"file": b"x"}, "data": {"params": '{"top_k": 3}'}}, "params"),
        ({"json": {"image": {"data": TEXT}, "parameters": {"top_k": 3}}}, "parameters"),
    ],
)
def test_a_parameter_with_two_values_names_both_places(body: Any, place: str) -> None:
    with pytest.raises(ConflictingParameter, match=f"'2' in the query and '?3'? in the {place}"):
        understand_submission(received("top_k=2", **body))


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(TooManyBytes):
        received(content=b"x" * 11, max_bytes=10)
    with pytest.raises(MalformedForm):
        received(content=b"x", headers={"Content-Type": "multipart/form-data"})
