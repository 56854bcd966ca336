"""What a request brings is read to its end, and then understood without waiting for anybody."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from brightfield.api.admission.body_budget import BodyBudget
from brightfield.api.reading.body import BodyRules
from brightfield.api.reading.inputs import understand_submission
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
    with BodyBudget(10 * max_bytes, "budget").hold() as held:
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
    found = understand_submission(received(query, **body))
    assert [image.load(None) for image in found.images] == [b"hello"]  # type: ignore[arg-type]
    assert (found.parameters, found.batch) == ({"top_k": "2"}, False)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"content": b"hello"}, None),
        (
            {"content": b"hello", "headers": {"Content-Disposition": 'x; filename="a b.png"'}},
            "a b.png",
        ),
        (
            {"content": b"x", "headers": {"Content-Disposition": "x; filename*=UTF-8''%C2%B5.png"}},
            "µ.png",
        ),
        ({"files": {"file": ("plate/a.png", b"hello")}}, "plate/a.png"),
        ({"files": {"file": ("µm.png", b"hello")}}, "µm.png"),
        ({"json": {"image": {"data": TEXT, "name": "a.png"}}}, "a.png"),
        ({"json": {"image": {"id": "sha256:1", "name": "a.png"}}}, "a.png"),
    ],
)
def test_an_image_has_the_name_of_its_file(body: Any, name: str | None) -> None:
    (image,) = understand_submission(received(**body)).images
    assert image.name == name


@pytest.mark.parametrize("named", [b"; filename*=UTF-8''%E2%82%AC%20x.png", b""])
def test_a_part_called_file_is_one_however_it_is_named(named: bytes) -> None:
    head = b"--b\r\nContent-Disposition: form-data; name=file" + named + b"\r\n\r\n"
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    (image,) = understand_submission(
        received(content=head + b"hello\r\n--b--", headers=form)
    ).images
    assert image == SentImage(b"hello", "€ x.png" if named else None)


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
