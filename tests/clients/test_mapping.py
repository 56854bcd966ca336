from __future__ import annotations

import asyncio

import httpx2
import pytest

from brightfield_client import AsyncClient, BadRequestError


@pytest.fixture
def paths(tmp_path):
    made = [tmp_path / f"{n}.png" for n in range(40)]
    for n, path in enumerate(made):
        path.write_bytes(b"bad" if n == 7 else str(n).encode())
    made.insert(3, tmp_path / "missing.png")
    return made


@pytest.fixture
def service(fake, enveloped):
    def reply(request):
        if request.content == b"bad":
            return httpx2.Response(400, json={"code": "truncated_image", "detail": "Cut."})
        label = request.content.decode()
        entry = {"label": label, "class_id": 0, "score": 1.0}
        return httpx2.Response(200, json=enveloped({"predictions": [entry]}))

    fake.reply = reply
    return fake


def check(items, paths):
    assert [item.source for item in items] == paths
    failed = {item.source.name: type(item.error) for item in items if not item.ok}
    assert failed == {"missing.png": FileNotFoundError, "7.png": BadRequestError}
    assert all(item.unwrap().top.label == item.source.stem for item in items if item.ok)


def test_every_image_is_answered_or_fails_for_itself(client, service, paths):
    check(list(client.map(paths, "classify", concurrency=4)), paths)


def test_the_same_for_asyncio(service, paths):
    async def ask():
        transport = httpx2.MockTransport(service.answer)
        async with AsyncClient("http://fake", transport=transport) as client:
            return [item async for item in client.map(paths, concurrency=4)]

    check(asyncio.run(ask()), paths)


def test_resume_asks_only_for_what_is_not_done(client, service, paths, tmp_path):
    file = tmp_path / "done.jsonl"
    list(client.map(paths[:10], resume=file, top_k=1))
    asked = len(service.requests)
    items = list(client.map(paths, resume=file, top_k=1))
    check(items, paths)
    new = [request.content for request in service.requests[asked:]]
    assert sorted(new) == sorted([b"bad", *(str(n).encode() for n in range(9, 40))])


def test_images_are_taken_as_they_are_needed(client, service):
    taken = []

    def endless():
        while True:
            taken.append(None)
            yield b"1"

    items = client.map(endless(), concurrency=2, progress=False)
    assert taken == []
    next(items)
    items.close()
    assert len(taken) == 8


def test_what_cannot_be_mapped_is_said_at_once(client, tmp_path):
    with pytest.raises(TypeError, match="list"):
        client.map("a.png")
    with pytest.raises(ValueError, match="classify, detect, embed"):
        client.map([], "clasify")
    with pytest.raises(ValueError, match="format"):
        client.map([], "saliency", resume=tmp_path / "r", format="png")
    (item,) = client.map([b"1"], resume=tmp_path / "r")
    assert "paths" in str(item.error)
