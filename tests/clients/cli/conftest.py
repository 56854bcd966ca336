from __future__ import annotations

from functools import partial

import httpx2
import pytest

from brightfield_client import Client
from brightfield_client.cli import connect


@pytest.fixture(autouse=True)
def answered_by_fake(fake, monkeypatch, pauses, tmp_path):
    """The commands ask `fake`, in a folder of their own."""
    monkeypatch.setattr(
        connect, "Client", partial(Client, transport=httpx2.MockTransport(fake), retries=0)
    )
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def replies(fake, enveloped):
    """What each path answers; images whose bytes are b"bad" are refused."""
    table = {
        "/livez": {"version": "0.1.0"},
        "/classify": enveloped({"predictions": [{"label": "cat", "class_id": 3, "score": 0.9}]}),
        "/embed": enveloped({"embedding": [1.0, 2.0], "layer": "pool", "normalized": False}),
    }

    def reply(request):
        if request.content == b"bad":
            return httpx2.Response(400, json={"code": "truncated_image", "detail": "It is cut."})
        return httpx2.Response(200, json=table[request.url.path])

    fake.reply = reply
    return table


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name, content in (("a.png", b"one"), ("b.PNG", b"two"), ("note.txt", b"no image")):
        (folder / name).write_bytes(content)
    return folder
