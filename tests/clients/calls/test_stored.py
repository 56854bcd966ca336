from __future__ import annotations

import httpx2
import pytest

from brightfield_client import StoredImage, UnexpectedReply


def test_upload_once_ask_many_times(client, fake):
    answer = fake.reply
    fake.reply = lambda _: httpx2.Response(201, json={"id": "sha256:ab", "bytes": 6})
    stored = client.put_image(b"pixels")
    assert (fake.last.method, fake.last.url.path, fake.last.content) == (
        "PUT",
        "/images",
        b"pixels",
    )
    assert stored == StoredImage("sha256:ab")
    fake.reply = answer
    client.classify(stored)
    assert fake.last.url.params["image"] == "sha256:ab"
    with pytest.raises(ValueError, match="stored already"):
        client.put_image(stored)


def test_a_stored_tensor_keeps_its_axes(client, fake):
    torch = pytest.importorskip("torch")
    answer = fake.reply
    fake.reply = lambda _: httpx2.Response(201, json={"id": "sha256:ab"})
    stored = client.put_image(torch.zeros(3, 4, 5))
    fake.reply = answer
    client.classify(stored)
    assert fake.last.url.params["axes"] == "SYX"  # three channels are colours


def test_a_reply_without_an_id(client, fake):
    fake.reply = lambda _: httpx2.Response(200, json={})
    with pytest.raises(UnexpectedReply):
        client.put_image(b"x")
